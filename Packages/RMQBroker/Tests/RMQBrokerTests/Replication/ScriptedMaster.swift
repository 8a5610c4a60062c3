@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization

/// A replication port that answers the first report of each connection as the test says.
final class ScriptedMaster: Sendable {
    struct Answer {
        var bytes: [UInt8]
        /// Whether it closes the connection behind them.
        var closes = false
    }

    private let loops = EventLoopGroup(count: 1, name: "scripted-master")
    private let server: ChannelServer

    private final class Port: ChannelService {
        let owner: Owner
        init(owner: Owner) { self.owner = owner }
        func makeProtocol(for channel: Channel) -> any ChannelProtocol { Stream(channel, owner) }
    }

    fileprivate final class Owner: Sendable {
        let script: @Sendable (_ connection: Int, _ end: Int64) -> Answer
        let reports = Mutex<[[Int64]]>([])
        init(script: @escaping @Sendable (Int, Int64) -> Answer) { self.script = script }
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

    init(_ script: @escaping @Sendable (_ connection: Int, _ end: Int64) -> Answer) throws {
        let owner = Owner(script: script)
        self.owner = owner
        let limits = ChannelLimits(idleTimeout: .generous, inputLimitBytes: 1 << 20, outputHighWaterBytes: 1 << 30, outputLimitBytes: 1 << 30)
        server = ChannelServer(listenAddress: "127.0.0.1", port: 0, maxConnections: 100, limits: limits, loops: loops, logger: quiet) { _ in Port(owner: owner) }
        try server.start()
    }

    var address: String { "127.0.0.1:\(server.port)" }
    /// What each connection reported.
    var reports: [[Int64]] { owner.reports.withLock { $0 } }

    func stop() {
        server.stop()
        loops.stop()
    }

    static func frame(_ offset: Int64, _ body: some Collection<UInt8>) -> [UInt8] {
        withUnsafeBytes(of: offset.bigEndian) { [UInt8]($0) } + withUnsafeBytes(of: Int32(body.count).bigEndian) { [UInt8]($0) } + body
    }
}
