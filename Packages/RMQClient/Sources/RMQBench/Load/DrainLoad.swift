import CRMQSystem
import Glibc
import RMQCommon
import RMQRemoting

/// A queue to be read from `start` up to `end`.
struct DrainTarget: Sendable {
    let address: HostAddress
    let queueId: Int32
    let start: Int64
    let end: Int64
}

/// Reads queues as fast as the broker gives them, one connection a queue, and counts messages without decoding them.
final class DrainLoad {
    private let done: Counter
    private var lanes: [Lane] = []
    private var result = LoadResult()
    private let deadline: Int64

    private final class Lane {
        let socket: LoadSocket
        let template: FrameTemplate
        var offset: Int64
        let end: Int64
        var sentAt: Int64 = 0
        var sequence: Int32 = 0
        var isDone: Bool { offset >= end }

        init(socket: LoadSocket, template: FrameTemplate, target: DrainTarget) {
            self.socket = socket
            self.template = template
            offset = target.start
            end = target.end
        }
    }

    init(
        topic: String, targets: [DrainTarget], batch: Int32, serialization: HeaderSerialization, duration: Duration?, done: Counter
    ) throws(BenchError) {
        self.done = done
        deadline = duration.map { nanosecondsNow() &+ $0.nanoseconds } ?? .max
        for target in targets where target.start < target.end {
            let template = try FrameTemplate.pull(
                topic: topic, queueId: target.queueId, maxMessages: batch, suspend: nil, serialization: serialization)
            lanes.append(Lane(socket: try LoadSocket(connectingTo: target.address), template: template, target: target))
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
                if lane.isDone { open -= 1 } else { try ask(lane) }
            }
        }
        return result
    }

    private func ask(_ lane: Lane) throws(BenchError) {
        lane.sequence = (lane.sequence + 1) % 1_000_000_000
        lane.socket.append(lane.template.bytes) { copy in
            lane.template.patch(copy, opaque: FrameTemplate.firstOpaque + lane.sequence, number: lane.offset, digits: 19)
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
        done.add(Int64(count))
        switch frame.code {
        case 0, 20, 21: lane.offset = max(Int64(next), lane.offset)
        case 19: lane.offset = lane.end
        default: throw BenchError("a pull was refused: \(frame.remark)")
        }
        guard frame.code == 0 || Int64(next) > 0 || lane.isDone else { throw BenchError("a pull does not advance: \(frame.remark)") }
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
