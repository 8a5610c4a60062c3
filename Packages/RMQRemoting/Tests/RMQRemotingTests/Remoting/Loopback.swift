import Glibc
import RMQCommon
import RMQTestSupport
import Synchronization
import Testing

@testable import RMQRemoting

/// A server with two loops of its own on a free port, and a client for it.
final class Loopback: Sendable {
    let group = EventLoopGroup(count: 2, name: "test")
    let log = CollectedLog()
    let server: RemotingServer
    let client: RemotingClient
    let address: String

    /// - Parameter transport: what both sides read and write through.
    init(
        over transport: TransportKind = .plain, _ configuration: ServerConfiguration = ServerConfiguration(),
        client: ClientConfiguration = ClientConfiguration(connectTimeout: .generous),
        handler: @escaping @Sendable (EventLoop) -> any RequestHandler = { _ in EchoHandler() }
    ) throws {
        let logger = Logger(category: "remoting", level: .debug, sink: log)
        let makeTransport = try transport.maker()
        var configuration = configuration
        configuration.makeTransport = makeTransport
        server = RemotingServer(configuration: configuration, loops: group, logger: logger, makeHandler: handler)
        self.client = RemotingClient(configuration: client, loops: group, logger: logger, makeTransport: makeTransport)
        try server.start()
        address = configuration.listenAddress.contains(":")
            ? "[\(configuration.listenAddress)]:\(server.port)" : "\(configuration.listenAddress):\(server.port)"
    }

    func stop() {
        client.close()
        server.stop()
        group.stop()
    }
}

/// Answers with the request's body and fields. Code 77 is never answered, code 78 later from another thread.
final class EchoHandler: RequestHandler {
    static let silent: Int32 = 77
    static let late: Int32 = 78
    let onClosed: @Sendable () -> Void
    let onOneway: @Sendable ([UInt8]) -> Void

    init(onClosed: @escaping @Sendable () -> Void = {}, onOneway: @escaping @Sendable ([UInt8]) -> Void = { _ in }) {
        self.onClosed = onClosed
        self.onOneway = onOneway
    }

    func receive(_ request: InboundFrame, on connection: Connection) {
        guard request.code != Self.silent, let command = try? request.command() else { return }
        if request.isOneway { onOneway(command.body) }
        let answer = RemotingCommand(code: 0, remark: "echo", fields: command.fields, body: command.body)
        if request.code == Self.late {
            let handle = connection.replyHandle(for: request)
            Task { handle.complete(answer) }
        } else {
            connection.reply(answer, to: request)
        }
    }

    func connectionClosed(_ connection: Connection) { onClosed() }
}

/// Keeps log lines for a look at them.
final class CollectedLog: LogSink {
    private let lines = Mutex<[String]>([])
    func write(_ record: LogRecord) { lines.withLock { $0.append(record.message) } }
    func contains(_ text: String) -> Bool { lines.withLock { $0.contains { $0.contains(text) } } }
}

/// A blocking socket, for bytes that no client of ours would send.
final class RawSocket {
    private let descriptor: Int32

    init(port: UInt16, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var size = receiveBuffer { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4) }
        // A test must not hang for ever on a server that says nothing.
        var limit = timeval(tv_sec: Int(Duration.generous.components.seconds), tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let address = try #require(SocketAddress(numeric: "127.0.0.1", port: port))
        try #require(address.withPointer { connect(descriptor, $0, $1) } == 0)
    }

    fileprivate init(adopting descriptor: Int32) { self.descriptor = descriptor }

    /// Whether what is sent waits for more.
    func holdBack(_ isHeld: Bool) {
        var value: Int32 = isHeld ? 1 : 0
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_CORK, &value, 4)
    }

    /// For a library that reads and writes by itself.
    var number: Int32 { descriptor }

    deinit { Glibc.close(descriptor) }

    func send(_ bytes: [UInt8]) { _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }

    /// Says that nothing more will be sent; receiving goes on.
    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Exactly `count` bytes; fewer when the peer closed.
    func receive(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var got = 0
        while got < count {
            let n = bytes.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress! + got, count - got, 0) }
            guard n > 0 else { break }
            got += n
        }
        return Array(bytes[..<got])
    }

    /// The next frame as a command; nil when the peer closed.
    func receiveCommand() throws -> RemotingCommand? {
        let length = receive(4)
        guard length.count == 4 else { return nil }
        let frame = receive(length.reduce(0) { $0 << 8 | Int($1) })
        return try RemotingCommand.decode(frame: frame)
    }

    var isClosedByPeer: Bool { receive(1).isEmpty }
}

/// A listening socket that accepts only when told.
final class RawListener {
    private let descriptor: Int32
    let port: UInt16

    /// - Parameter listens: without it the port is taken, and connects to it are refused.
    init(listens: Bool = true) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let address = try #require(SocketAddress(numeric: "127.0.0.1", port: 0))
        try #require(address.withPointer { bind(descriptor, $0, $1) } == 0)
        // No backlog: the kernel completes one connect, and leaves the others without an answer until that was accepted.
        if listens { try #require(listen(descriptor, 0) == 0) }
        var limit = timeval(tv_sec: Int(Duration.generous.components.seconds), tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        self.descriptor = descriptor
        port = Socket.localPort(descriptor)
    }

    deinit { close(descriptor) }

    func accept() throws -> RawSocket {
        let accepted = Glibc.accept(descriptor, nil, nil)
        try #require(accepted >= 0)
        return RawSocket(adopting: accepted)
    }
}
