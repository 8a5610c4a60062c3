@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// A broker of which only two things are there: a replication port, which answers the first report of each connection as the test says, and
/// the main port below it, which gives records by their place. It knows nothing else, as an old master.
final class ScriptedMaster: Sendable {
    struct Answer {
        var bytes: [UInt8]
        /// Whether it closes the connection behind them.
        var closes = false
    }

    private let loops = EventLoopGroup(count: 1, name: "scripted-master")
    private let server: ChannelServer
    private let mainServer: RemotingServer

    /// Answers what slaves ask before they follow.
    private final class MainPort: RequestHandler {
        private let owner: Owner
        init(owner: Owner) { self.owner = owner }

        func receive(_ request: InboundFrame, on connection: Connection) {
            do {
                connection.replyHandle(for: request).complete(try owner.answer(request.command()))
            } catch {
                Issue.record(error)
                connection.close()
            }
        }

        func connectionClosed(_ connection: Connection) {}
        func wakeUpEnded() {}
    }

    private final class Port: ChannelService {
        let owner: Owner
        init(owner: Owner) { self.owner = owner }
        func makeProtocol(for channel: Channel) -> any ChannelProtocol { Stream(channel, owner) }
    }

    fileprivate final class Owner: Sendable {
        let script: @Sendable (_ connection: Int, _ end: Int64) -> Answer
        let reports = Mutex<[[Int64]]>([])
        let log: Mutex<[UInt8]>

        init(log: [UInt8], script: @escaping @Sendable (Int, Int64) -> Answer) {
            self.log = Mutex(log)
            self.script = script
        }

        func answer(_ command: RemotingCommand) throws -> RemotingCommand {
            guard command.requestCode == .viewMessageById else { return .response(.requestCodeNotSupported, remark: "not supported") }
            let offset = Int(try command.header(ViewMessageHeader.self).offset)
            return log.withLock { log in
                guard offset + 4 <= log.count else { return .response(.systemError, remark: "there is no such record") }
                let size = log[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
                guard offset + size <= log.count else { return .response(.systemError, remark: "there is no such record") }
                return .response(.success, body: Array(log[offset..<offset + size]))
            }
        }
    }
    private let owner: Owner

    private final class Stream: ChannelProtocol {
        private let channel: Channel
        private let owner: Owner
        private let number: Int

        init(_ channel: Channel, _ owner: Owner) {
            self.channel = channel
            self.owner = owner
            number = owner.reports.withLock { reports in
                reports.append([])
                return reports.count - 1
            }
        }

        func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
            guard let report = ReplicaReport(lastOf: bytes) else { return 0 }
            let isFirst = owner.reports.withLock { reports in
                reports[number].append(report.end)
                return reports[number].count == 1
            }
            if isFirst {
                let answer = owner.script(number, report.end)
                channel.write(answer.bytes)
                if answer.closes { channel.finish() }
            }
            return bytes.count / 8 * 8
        }

        func channelClosed() {}
    }

    /// - Parameter log: of which records are given.
    init(log: [UInt8] = [], _ script: @escaping @Sendable (_ connection: Int, _ end: Int64) -> Answer) throws {
        let owner = Owner(log: log, script: script)
        self.owner = owner
        (mainServer, server) = try Self.start(owner, loops)
    }

    /// The replication port is one above the main one, so it may be taken.
    private static func start(_ owner: Owner, _ loops: EventLoopGroup) throws -> (RemotingServer, ChannelServer) {
        var failure: (any Error)?
        for _ in 0..<50 {
            let mainServer = RemotingServer(configuration: ServerConfiguration(listenAddress: "127.0.0.1", port: 0), loops: loops, logger: quiet) { _ in
                MainPort(owner: owner)
            }
            try mainServer.start()
            let server = replicationServer(owner, loops, port: mainServer.port &+ 1)
            do {
                try server.start()
                return (mainServer, server)
            } catch {
                failure = error
                mainServer.stop()
            }
        }
        throw failure!
    }

    private static func replicationServer(_ owner: Owner, _ loops: EventLoopGroup, port: UInt16) -> ChannelServer {
        let limits = ChannelLimits(idleTimeout: .generous, inputLimitBytes: 1 << 20, outputHighWaterBytes: 1 << 30, outputLimitBytes: 1 << 30)
        return ChannelServer(listenAddress: "127.0.0.1", port: port, maxConnections: 100, limits: limits, loops: loops, logger: quiet) { _ in Port(owner: owner) }
    }

    var address: String { "127.0.0.1:\(server.port)" }
    /// What each connection reported.
    var reports: [[Int64]] { owner.reports.withLock { $0 } }

    /// Another log is at its place: another broker took over.
    func setLog(_ log: [UInt8]) { owner.log.withLock { $0 = log } }

    func stop() {
        server.stop()
        mainServer.stop()
        loops.stop()
    }

    static func frame(_ offset: Int64, _ body: some Collection<UInt8>) -> [UInt8] {
        withUnsafeBytes(of: offset.bigEndian) { [UInt8]($0) } + withUnsafeBytes(of: Int32(body.count).bigEndian) { [UInt8]($0) } + body
    }
}
