import Glibc
import RMQCommon
import RMQRemoting

/// `mqbench yardstick`: answers every send with a full-size reply and stores nothing.
enum Yardstick {
    static func run(_ options: inout BenchOptions) async throws {
        let port = UInt16(try options.number("port", default: 10_999, in: 0...65_535))
        let count = try options.number("loops", default: 1, in: 1...64)
        try options.checkAllUsed()
        let loops = EventLoopGroup(count: count, name: "yardstick")
        let server = RemotingServer(
            configuration: ServerConfiguration(port: port), loops: loops,
            logger: Logger(category: "yardstick", level: .warning, sink: ConsoleSink())
        ) { _ in YardstickHandler() }
        try server.start()
        print("answering sends on 127.0.0.1:\(server.port) with \(count) event loop\(count == 1 ? "" : "s"); stop with Ctrl-C")
        fflush(nil)
        // Holds nothing that an end by signal would harm.
        while true { try await Task.sleep(for: .seconds(3600)) }
    }
}

/// Reads the same header fields as a broker does, so that only the store is missing.
private final class YardstickHandler: RequestHandler {
    private let trailer = SendReplyTrailer()
    private var position: Int64 = 0

    func receive(_ request: InboundRequest, on connection: Connection) {
        guard let fields = SendFields(request) else {
            connection.reply(.response(.requestCodeNotSupported, remark: "the yardstick answers sends only"), to: request)
            return
        }
        position &+= Int64(request.body.count)
        connection.replySend(
            to: request.ticket, messageId: .stored(ipv4AndPort: 0x7F00_0001_0000_2A9F, physicalOffset: position), queueId: fields.queueId,
            queueOffset: position, trailer: trailer)
    }
}
