import CRMQSystem
import Glibc
import RMQCommon
import RMQRemoting

/// Where messages go: a broker and one of its queues.
struct SendTarget: Sendable {
    let address: HostAddress
    let queueId: Int32
}

/// What is sent, and how hard.
struct SendPlan: Sendable {
    var topic: String
    var targets: [SendTarget]
    var size: Int
    var connections: Int
    var depth: Int
    var serialization: HeaderSerialization
    /// Ends after so many messages or after so much time, whichever comes first.
    var messages: Int?
    var duration: Duration?
}

/// What came of one thread's share.
struct LoadResult: Sendable {
    var completed = 0
    var failed = 0
    var firstFailure: String?
    /// From request to answer, in nanoseconds.
    var latency = Histogram()

    mutating func merge(_ other: LoadResult) {
        completed += other.completed
        failed += other.failed
        firstFailure = firstFailure ?? other.firstFailure
        latency.merge(other.latency)
    }
}

/// One thread that keeps `depth` sends in flight on each of its connections: one epoll, one read and one write per wake-up.
final class SendLoad {
    private let plan: SendPlan
    private let done: Counter
    private var lanes: [Lane] = []
    private var left: Int
    private let deadline: Int64
    private var result = LoadResult()

    private final class Lane {
        let socket: LoadSocket
        let templates: [FrameTemplate]
        var nextTemplate: Int
        var sequence: Int64 = 0
        var inFlight = 0
        var isWaitingToWrite = false
        /// When the send with this number (modulo the table's size) went out.
        var starts: [Int64]

        init(socket: LoadSocket, templates: [FrameTemplate], first: Int, depth: Int) {
            self.socket = socket
            self.templates = templates
            nextTemplate = first
            var size = 1
            while size < depth * 2 { size *= 2 }
            starts = [Int64](repeating: 0, count: size)
        }
    }

    /// - Parameters:
    ///   - share: messages that this thread sends; nil sends until the time is over.
    ///   - done: counts answers, for the live line.
    init(_ plan: SendPlan, connections: Int, share: Int?, done: Counter) throws(BenchError) {
        self.plan = plan
        self.done = done
        left = share ?? .max
        deadline = plan.duration.map { nanosecondsNow() &+ $0.nanoseconds } ?? .max
        for index in 0..<connections {
            let address = plan.targets[index % plan.targets.count].address
            var templates: [FrameTemplate] = []
            for target in plan.targets where target.address == address {
                templates.append(try .send(topic: plan.topic, queueId: target.queueId, size: plan.size, serialization: plan.serialization))
            }
            lanes.append(Lane(socket: try LoadSocket(connectingTo: address), templates: templates, first: index, depth: plan.depth))
        }
    }

    func run() throws(BenchError) -> LoadResult {
        let epoll = crmq_epoll_create()
        defer { close(epoll) }
        for (index, lane) in lanes.enumerated() {
            guard crmq_epoll_add(epoll, lane.socket.descriptor, UInt32(CRMQ_EPOLL_IN), UInt64(index)) == 0 else {
                throw BenchError("epoll does not take the connection")
            }
            try fill(lane, epoll, index)
        }
        var events = [crmq_event](repeating: crmq_event(), count: 256)
        var quietSince = nanosecondsNow()
        while lanes.contains(where: { $0.inFlight > 0 }) {
            let count = events.withUnsafeMutableBufferPointer { crmq_epoll_wait(epoll, $0.baseAddress, 256, 1000) }
            if count <= 0 {
                guard nanosecondsNow() - quietSince < 10_000_000_000 else { throw BenchError("no answer for 10 s") }
                continue
            }
            for event in events[..<Int(count)] {
                let index = Int(event.data)
                let lane = lanes[index]
                if event.events & UInt32(CRMQ_EPOLL_IN | CRMQ_EPOLL_HUP | CRMQ_EPOLL_ERR) != 0 {
                    try answers(lane)
                }
                try fill(lane, epoll, index)
            }
            quietSince = nanosecondsNow()
        }
        return result
    }

    private func answers(_ lane: Lane) throws(BenchError) {
        let now = nanosecondsNow()
        var completed: Int64 = 0
        try lane.socket.receive { frame throws(BenchError) in
            let number = Int64(frame.opaque) - Int64(FrameTemplate.firstOpaque)
            lane.inFlight -= 1
            completed += 1
            if frame.code == 0 {
                result.completed += 1
                result.latency.record(now - lane.starts[Int(truncatingIfNeeded: number) & (lane.starts.count - 1)])
            } else {
                result.failed += 1
                result.firstFailure = result.firstFailure ?? frame.remark
            }
        }
        done.add(completed)
    }

    private func fill(_ lane: Lane, _ epoll: Int32, _ index: Int) throws(BenchError) {
        let now = nanosecondsNow()
        while lane.inFlight < plan.depth, left > 0, now < deadline {
            let template = lane.templates[lane.nextTemplate % lane.templates.count]
            lane.nextTemplate &+= 1
            let number = lane.sequence % 1_000_000_000
            lane.socket.append(template.bytes) { copy in
                template.patch(copy, opaque: FrameTemplate.firstOpaque + Int32(number), number: lane.sequence &* Int64(lanes.count) &+ Int64(index), digits: FrameTemplate.idDigits)
            }
            lane.starts[Int(number) & (lane.starts.count - 1)] = now
            lane.sequence += 1
            lane.inFlight += 1
            left -= 1
        }
        let isWaiting = try lane.socket.flush()
        guard isWaiting != lane.isWaitingToWrite else { return }
        lane.isWaitingToWrite = isWaiting
        let wanted = CRMQ_EPOLL_IN | (isWaiting ? CRMQ_EPOLL_OUT : 0)
        _ = crmq_epoll_modify(epoll, lane.socket.descriptor, UInt32(wanted), UInt64(index))
    }
}

/// Of the monotonic clock.
func nanosecondsNow() -> Int64 { MonotonicInstant.now.nanoseconds }
