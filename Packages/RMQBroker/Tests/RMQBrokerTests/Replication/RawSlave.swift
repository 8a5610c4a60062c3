@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// A connection to a replication port that says what the test says, and keeps what it is told.
final class RawSlave: Sendable {
    private let loops = EventLoopGroup(count: 1, name: "raw-slave")
    private let end = Mutex<LoopBound<Stream>?>(nil)
    private let state = Mutex(State())

    private struct State {
        var received: [UInt8] = []
        var isClosed = false
    }

    private final class Stream: ChannelProtocol {
        let channel: Channel
        private let owner: RawSlave

        init(_ channel: Channel, owner: RawSlave) {
            self.channel = channel
            self.owner = owner
        }

        func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
            owner.state.withLock { $0.received += bytes }
            return bytes.count
        }

        func channelClosed() { owner.state.withLock { $0.isClosed = true } }
    }

    /// Connects to the replication port of a broker.
    init(_ master: Peer) throws {
        let address = "127.0.0.1:\(master.broker.state.replication.listenPort)"
        let loop = loops.loops[0]
        let limits = ChannelLimits(idleTimeout: .generous, inputLimitBytes: 1 << 20, outputHighWaterBytes: 1 << 30, outputLimitBytes: 1 << 30)
        let connected = Latch()
        let connector = LoopBound(ChannelConnector(address, timeout: .generous, limits: limits, loop: loop, logger: quiet), loop: loop)
        connector.post { [self] connector in
            connector.connect { result in
                if let channel = try? result.get() {
                    let stream = Stream(channel, owner: self)
                    channel.start(stream)
                    self.end.withLock { $0 = LoopBound(stream, loop: loop) }
                }
                connected.open()
            }
        }
        connected.wait(for: .generous)
        _ = try #require(end.withLock { $0 })
    }

    var received: [UInt8] { state.withLock { $0.received } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    func say(_ bytes: [UInt8]) { end.withLock { $0 }?.post { $0.channel.write(bytes) } }

    func report(_ offset: Int64) { say(withUnsafeBytes(of: offset.bigEndian) { [UInt8]($0) }) }

    /// The frames that came whole: the offset of each, and its bytes.
    var frames: [(offset: Int64, body: [UInt8])] {
        received.withUnsafeBytes { bytes in
            var frames: [(Int64, [UInt8])] = []
            var start = 0
            while let header = ReplicationHeader(UnsafeRawBufferPointer(rebasing: bytes[start...])),
                case let end = start + ReplicationHeader.byteCount + Int(header.bodyByteCount), end <= bytes.count
            {
                frames.append((header.offset, [UInt8](bytes[start + ReplicationHeader.byteCount..<end])))
                start = end
            }
            return frames
        }
    }

    func stop() { loops.stop() }
}
