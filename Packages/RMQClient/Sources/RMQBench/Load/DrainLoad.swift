import CRMQSystem
import Glibc
import RMQCommon
import RMQRemoting

/// A queue to be read from `start` up to `end`, or until nothing is left.
struct DrainTarget: Sendable {
    let address: HostAddress
    let queueId: Int32
    var start: Int64 = 0
    var end: Int64 = .max
}

/// Which messages a pull asks for.
enum PullSubscription: Sendable {
    case tags(String)
    /// In SQL92.
    case expression(String)
    /// As somebody's heartbeat says for the group.
    case heartbeat

    /// What a pull says of it by itself; nil for nothing.
    var carried: (text: String, type: String)? {
        switch self {
        case .tags(let text): (text, "TAG")
        case .expression(let text): (text, "SQL92")
        case .heartbeat: nil
        }
    }
}

/// Reads queues as fast as the broker gives them and counts messages without decoding them: one pull after the other on each
/// connection, which asks its queues in turn.
final class DrainLoad {
    private let done: Counter
    private var lanes: [Lane] = []
    private var result = LoadResult()
    private let deadline: Int64

    private final class Lane {
        let socket: LoadSocket
        /// Those that are not read to their end.
        var queues: [Queue]
        /// The queue that is asked.
        var turn = 0
        var sentAt: Int64 = 0
        var sequence: Int32 = 0

        init(socket: LoadSocket, queues: [Queue]) {
            self.socket = socket
            self.queues = queues
        }
    }

    private struct Queue {
        let template: FrameTemplate
        var offset: Int64
        let end: Int64
    }

    /// - Parameter connections: to each broker that has a target, at most one a queue; nil: one a queue.
    init(
        topic: String, targets: [DrainTarget], connections: Int?, batch: Int32, filter: PullSubscription = .tags("*"),
        serialization: HeaderSerialization, duration: Duration?, tls: TLSClient? = nil, done: Counter
    ) throws(BenchError) {
        self.done = done
        deadline = duration.map { nanosecondsNow() &+ $0.nanoseconds } ?? .max
        for (address, targets) in Dictionary(grouping: targets.filter { $0.start < $0.end }, by: \.address) {
            var queues: [Queue] = []
            for target in targets {
                let template = try FrameTemplate.pull(
                    topic: topic, queueId: target.queueId, maxMessages: batch, suspend: nil, filter: filter, serialization: serialization)
                queues.append(Queue(template: template, offset: target.start, end: target.end))
            }
            let count = min(connections ?? queues.count, queues.count)
            for first in 0..<count {
                let share = stride(from: first, to: queues.count, by: count).map { queues[$0] }
                lanes.append(Lane(socket: try LoadSocket(connectingTo: address, tls: tls), queues: share))
            }
        }
    }

    func run() throws(BenchError) -> LoadResult {
        let epoll = crmq_epoll_create()
        defer { close(epoll) }
        for (index, lane) in lanes.enumerated() {
            guard crmq_epoll_add(epoll, lane.socket.descriptor, UInt32(CRMQ_EPOLL_IN), UInt64(index)) == 0 else {
                throw BenchError("epoll does not take the connection")
            }
            try ask(lane)
        }
        var events = [crmq_event](repeating: crmq_event(), count: 256)
        var open = lanes.count
        while open > 0, nanosecondsNow() < deadline {
            let count = events.withUnsafeMutableBufferPointer { crmq_epoll_wait(epoll, $0.baseAddress, 256, 10_000) }
            guard count > 0 else { throw BenchError("no answer for 10 s") }
            for event in events[..<Int(count)] {
                let lane = lanes[Int(event.data)]
                var answered = false
                try lane.socket.receive { frame throws(BenchError) in
                    answered = true
                    try self.take(frame, lane)
                }
                guard answered else { continue }
                if lane.queues.isEmpty { open -= 1 } else { try ask(lane) }
            }
        }
        return result
    }

    private func ask(_ lane: Lane) throws(BenchError) {
        let queue = lane.queues[lane.turn]
        lane.sequence = (lane.sequence + 1) % 1_000_000_000
        lane.socket.append(queue.template.bytes) { copy in
            queue.template.patch(copy, opaque: FrameTemplate.firstOpaque + lane.sequence, number: queue.offset, digits: 19)
        }
        lane.sentAt = nanosecondsNow()
        // A pull is far smaller than any socket's buffer.
        guard try !lane.socket.flush() else { throw BenchError("the server does not read") }
    }

    private func take(_ frame: LoadSocket.Frame, _ lane: Lane) throws(BenchError) {
        result.latency.record(nanosecondsNow() - lane.sentAt)
        guard let next = frame.number(after: "nextBeginOffset") else { throw BenchError("a pull was refused: \(frame.remark)") }
        let count = Records.count(frame.body)
        result.completed += count
        result.bytes += frame.body.count
        done.add(Int64(count))
        var queue = lane.queues[lane.turn]
        switch frame.code {
        case 0, 20, 21: queue.offset = max(Int64(next), queue.offset)
        case 19: queue.offset = queue.end
        default: throw BenchError("a pull was refused: \(frame.remark)")
        }
        if queue.offset >= queue.end {
            lane.queues.remove(at: lane.turn)
        } else {
            guard frame.code == 0 || next > 0 else { throw BenchError("a pull does not advance: \(frame.remark)") }
            lane.queues[lane.turn] = queue
            lane.turn += 1
        }
        if lane.turn >= lane.queues.count { lane.turn = 0 }
    }
}

/// Stored messages that lie one behind the other, each with its size in front.
enum Records {
    static func count(_ bytes: UnsafeRawBufferPointer) -> Int {
        var count = 0
        forEach(bytes) { _ in count += 1 }
        return count
    }

    static func forEach(_ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) {
        var at = 0
        while bytes.count - at >= 4 {
            let size = Int(Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: at, as: Int32.self)))
            guard size >= MessageRecord.minimumByteCount, size <= bytes.count - at else { return }
            body(UnsafeRawBufferPointer(rebasing: bytes[at..<at + size]))
            at += size
        }
    }
}
