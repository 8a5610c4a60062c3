import CRMQSystem
import Glibc
import RMQCommon
import RMQRemoting

/// One thread that sends: one epoll, one read and one write per connection and wake-up.
///
/// Without a rate it keeps `depth` sends in flight on each of its connections. With one, an open loop: each send goes out when it is
/// due, on the next connection that has room, and `depth` is only the bound of what a stalled server can pile up.
final class SendLoad {
    private let plan: SendPlan
    private let done: Counter
    private let epoll = crmq_epoll_create()
    private var lanes: [Lane] = []
    private var left: Int
    private var deadline: Int64 = .max
    private var inFlight = 0
    private var quietSince: Int64 = 0
    private var result = LoadResult()

    private var pace: Pace?
    /// The time is over: what is due and found no room stays unsent.
    private var isOver = false
    private var nextLane = 0
    /// Lanes with sends that are not flushed yet.
    private var touched: [Lane] = []

    private final class Lane {
        let index: Int
        let socket: LoadSocket
        let templates: [FrameTemplate]
        /// What follows the answer to a half message.
        let commit: FrameTemplate?
        var nextTemplate: Int
        var sequence: Int64 = 0
        var inFlight = 0
        var isWaitingToWrite = false
        var isTouched = false
        /// When the send with this number (modulo the table's size) went out, or was due.
        var starts: [Int64]

        init(index: Int, socket: LoadSocket, templates: [FrameTemplate], commit: FrameTemplate?, depth: Int) {
            self.index = index
            self.socket = socket
            self.templates = templates
            self.commit = commit
            nextTemplate = index
            var size = 1
            while size < depth * 2 { size *= 2 }
            starts = [Int64](repeating: 0, count: size)
        }
    }

    /// - Parameters:
    ///   - plan: what this thread sends; without a number of messages it sends until the time is over.
    ///   - done: counts answers, for the live line.
    init(_ plan: SendPlan, done: Counter) throws(BenchError) {
        self.plan = plan
        self.done = done
        left = plan.messages ?? .max
        for index in 0..<plan.connections {
            let address = plan.targets[index % plan.targets.count].address
            var templates: [FrameTemplate] = []
            for target in plan.targets where target.address == address {
                templates.append(
                    try .request(
                        plan.kind, topic: plan.topic, queueId: target.queueId, size: plan.size, serialization: plan.serialization, signer: plan.signer))
            }
            let commit = plan.kind == .transactions ? try FrameTemplate.commit(serialization: plan.serialization, signer: plan.signer) : nil
            let lane = Lane(index: index, socket: try LoadSocket(connectingTo: address, tls: plan.tls), templates: templates, commit: commit, depth: plan.depth)
            guard crmq_epoll_add(epoll, lane.socket.descriptor, UInt32(CRMQ_EPOLL_IN), UInt64(index)) == 0 else {
                throw BenchError("epoll does not take the connection")
            }
            lanes.append(lane)
        }
    }

    deinit { close(epoll) }

    func run() throws(BenchError) -> LoadResult {
        let start = nanosecondsNow()
        quietSince = start
        deadline = plan.duration.map { start &+ $0.nanoseconds } ?? .max
        if let rate = plan.rate {
            _ = crmq_set_timer_slack(1)
            pace = Pace(rate: rate, start: start)
        } else {
            for lane in lanes { try fill(lane) }
        }
        var events = [crmq_event](repeating: crmq_event(), count: 256)
        while true {
            try sendDue()
            guard inFlight > 0 || isPacing else { break }
            let count = events.withUnsafeMutableBufferPointer { wait($0.baseAddress!) }
            if count <= 0 {
                guard inFlight == 0 || nanosecondsNow() - quietSince < 10_000_000_000 else { throw BenchError("no answer for 10 s") }
                continue
            }
            for event in events[..<Int(count)] {
                let lane = lanes[Int(event.data)]
                if event.events & UInt32(CRMQ_EPOLL_IN | CRMQ_EPOLL_HUP | CRMQ_EPOLL_ERR) != 0 {
                    try answers(lane)
                }
                if pace == nil { try fill(lane) } else { try flush(lane) }
            }
            quietSince = nanosecondsNow()
        }
        if let pace, deadline != .max { result.unsent = min(left, pace.waiting(now: deadline - 1)) }
        return result
    }

    /// Up to 256 events. At a rate it wakes up when the next send is due, or at the end when that finds no room.
    private func wait(_ events: UnsafeMutablePointer<crmq_event>) -> Int32 {
        guard let pace, isPacing else { return crmq_epoll_wait(epoll, events, 256, 1000) }
        let hasRoom = inFlight < plan.depth * lanes.count
        let pause = min((hasRoom ? pace.next : deadline) - nanosecondsNow(), 1_000_000_000)
        // By epoll itself the wait would be a millisecond or none.
        if pause > 0, crmq_wait_readable(epoll, pause) == 0 { return 0 }
        return crmq_epoll_wait(epoll, events, 256, 0)
    }

    private func answers(_ lane: Lane) throws(BenchError) {
        let now = nanosecondsNow()
        var completed: Int64 = 0
        try lane.socket.receive { frame throws(BenchError) in
            var number = Int64(frame.opaque) - Int64(FrameTemplate.firstOpaque)
            if let commit = lane.commit {
                if number < Self.commitsFrom, frame.code == 0 { return try end(frame, number, lane, commit) }
                number %= Self.commitsFrom
            }
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
        inFlight -= Int(completed)
        done.add(completed)
    }

    /// The numbers of requests that end a transaction begin here; each is as far beyond as that of its half message.
    private static let commitsFrom: Int64 = 500_000_000

    /// Commits the half message that an answer is about.
    private func end(_ half: LoadSocket.Frame, _ number: Int64, _ lane: Lane, _ commit: FrameTemplate) throws(BenchError) {
        guard let queueOffset = half.number(after: "queueOffset"), let physicalOffset = half.physicalOffset else {
            throw BenchError("the answer to a half message does not say where it is: \(half.remark)")
        }
        lane.socket.append(commit.bytes) { copy in
            commit.patch(
                copy, opaque: FrameTemplate.firstOpaque + Int32(Self.commitsFrom + number), number: Int64(queueOffset), second: physicalOffset, digits: 19)
        }
    }

    // MARK: What goes out

    /// As many as the depth allows.
    private func fill(_ lane: Lane) throws(BenchError) {
        let now = nanosecondsNow()
        while lane.inFlight < plan.depth, left > 0, now < deadline { put(lane, start: now) }
        try flush(lane)
    }

    /// Whether there is more to come at a rate.
    private var isPacing: Bool {
        guard let pace, !isOver, left > 0 else { return false }
        return pace.next < deadline
    }

    /// Every send that is due, until no connection has room; what is left stays due.
    private func sendDue() throws(BenchError) {
        guard isPacing else { return }
        let now = nanosecondsNow()
        isOver = now >= deadline
        let lastDue = min(now, deadline - 1)
        while left > 0, let lane = laneWithRoom(), let due = pace?.take(now: lastDue) {
            nextLane = (lane.index + 1) % lanes.count
            if inFlight == 0 { quietSince = now }
            put(lane, start: due)
            guard !lane.isTouched else { continue }
            lane.isTouched = true
            touched.append(lane)
        }
        for lane in touched {
            lane.isTouched = false
            try flush(lane)
        }
        touched.removeAll(keepingCapacity: true)
    }

    /// The next connection in turn that has room.
    private func laneWithRoom() -> Lane? {
        for offset in 0..<lanes.count {
            let lane = lanes[(nextLane + offset) % lanes.count]
            if lane.inFlight < plan.depth { return lane }
        }
        return nil
    }

    /// One send into the lane's output.
    private func put(_ lane: Lane, start: Int64) {
        let template = lane.templates[lane.nextTemplate % lane.templates.count]
        lane.nextTemplate &+= 1
        let number = lane.sequence % Self.commitsFrom
        lane.socket.append(template.bytes) { copy in
            template.patch(
                copy, opaque: FrameTemplate.firstOpaque + Int32(number), number: lane.sequence &* Int64(lanes.count) &+ Int64(lane.index),
                second: lane.sequence / Int64(lane.templates.count) % 10, digits: FrameTemplate.idDigits)
        }
        lane.starts[Int(number) & (lane.starts.count - 1)] = start
        lane.sequence += 1
        lane.inFlight += 1
        inFlight += 1
        left -= 1
    }

    private func flush(_ lane: Lane) throws(BenchError) {
        let isWaiting = try lane.socket.flush()
        guard isWaiting != lane.isWaitingToWrite else { return }
        lane.isWaitingToWrite = isWaiting
        let wanted = CRMQ_EPOLL_IN | (isWaiting ? CRMQ_EPOLL_OUT : 0)
        _ = crmq_epoll_modify(epoll, lane.socket.descriptor, UInt32(wanted), UInt64(lane.index))
    }
}

/// Of the monotonic clock.
func nanosecondsNow() -> Int64 { MonotonicInstant.now.nanoseconds }
