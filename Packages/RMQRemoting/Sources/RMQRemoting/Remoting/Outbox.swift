import RMQCommon
import Synchronization

/// What tasks ask of one server without a hand-over for each: the frames that wait for the loop, and who waits for which answer.
///
///     a task ──► frame appended, waiter entered ──► the loop takes all frames at once and writes them
///                                                   answers of one read ──► their waiters, all at once ──► the tasks go on
///
/// A frame that finds no room waits for it, in the order of arrival; so what is not written is bounded, and nobody is refused.
/// Open while the endpoint is connected. All of it has one lock, taken once for a request and once for the answers of a read.
final class Outbox: Sendable {
    /// How a request ended, or what its task has to do next.
    enum Outcome: Sendable {
        case stored(StoredAnswer)
        case pulled(PullAnswer)
        /// An answer of another form, as it came.
        case answered(RemotingCommand)
        case failed(RemotingError)
        /// There is room now: it is kept for the frame.
        case room
        /// Nothing was sent, as there is no connection.
        case notConnected
    }

    /// A request's frame, as its parts lie in memory.
    struct Frame {
        let number: Int32
        let code: Int32
        /// Everything before the body.
        let start: UnsafeRawBufferPointer
        let body: UnsafeRawBufferPointer
        var byteCount: Int { start.count + body.count }
    }

    typealias Continuation = UnsafeContinuation<Outcome, Never>

    private struct State: ~Copyable {
        var isOpen = false
        var output = ByteQueue()
        var waiters = WaiterTable()
        /// Numbers of those that wait for room, in their order. They may have left since.
        var seekers: [Int32] = []
        /// Bytes for which room was promised and that are not here yet.
        var promised = 0
        /// The loop was told that there is output, and has not come for it yet.
        var isLoopTold = false
        /// When the loop looks for those that are overdue.
        var nextCheck = MonotonicInstant.distantFuture

        func hasRoom(for count: Int, limit: Int) -> Bool {
            let used = output.count + promised
            return used == 0 || used + count <= limit
        }

        mutating func addSeeker(_ number: Int32) {
            // Those that gave up are forgotten before they are the most.
            if seekers.count > 64, seekers.count / 2 > waiters.count {
                let known = waiters
                seekers.removeAll { !known.contains($0) }
            }
            seekers.append(number)
        }
    }

    private let state = Mutex(State())
    private let address: String
    private let limitBytes: Int
    private let maxFrameBytes: Int
    private let counter = Atomic<Int32>(0)

    /// - Parameters:
    ///   - limitBytes: what may wait for the loop. A frame that is larger goes alone.
    ///   - maxFrameBytes: a larger frame is refused.
    init(_ address: String, limitBytes: Int, maxFrameBytes: Int) {
        self.address = address
        self.limitBytes = limitBytes
        self.maxFrameBytes = maxFrameBytes
    }

    // MARK: Numbers

    /// What is asked, told by the number of a request: its answer is read accordingly before its waiter is looked for.
    enum Kind: Int32 {
        case send = 0
        case pull = 0x4000_0000

        init(_ number: Int32) { self = number & Kind.pull.rawValue == 0 ? .send : .pull }
    }

    /// Whether a request with this number may wait here. All others have numbers from 0 on.
    static func owns(_ number: Int32) -> Bool { number < 0 }

    func nextNumber(_ kind: Kind) -> Int32 {
        counter.wrappingAdd(1, ordering: .relaxed).newValue & 0x3FFF_FFFF | kind.rawValue | .min
    }

    // MARK: From any thread

    /// Takes a frame over, or has its task wait for room. `continuation` is resumed once.
    ///
    /// - Parameter hasRoom: the task has waited for room, which is kept for it since.
    /// - Returns: whether the loop has to be told.
    func start(
        _ frame: Frame, hasRoom: Bool, from begin: MonotonicInstant, until deadline: MonotonicInstant, _ continuation: Continuation
    ) -> Bool {
        func waiter(_ bytesToCome: Int) -> WaiterTable.Waiter {
            WaiterTable.Waiter(
                number: frame.number, code: frame.code, deadline: deadline, timeoutNanoseconds: deadline.nanoseconds &- begin.nanoseconds,
                bytesToCome: bytesToCome, continuation: continuation)
        }
        let (refusal, mustTell) = state.withLock { state -> (Outcome?, Bool) in
            if hasRoom { state.promised -= frame.byteCount }
            guard frame.byteCount <= maxFrameBytes else { return (.failed(.frameTooLarge(bytes: frame.byteCount, limit: maxFrameBytes)), false) }
            guard state.isOpen else { return (.notConnected, false) }
            if hasRoom || (state.seekers.isEmpty && state.hasRoom(for: frame.byteCount, limit: limitBytes)) {
                // After 2^30 others the number may still be in use, by a request with as long a time: the task takes another one.
                guard state.waiters.insert(waiter(0)) else { return (.notConnected, false) }
                state.output.append(frame.start)
                state.output.append(frame.body)
            } else {
                guard state.waiters.insert(waiter(frame.byteCount)) else { return (.notConnected, false) }
                state.addSeeker(frame.number)
            }
            defer {
                state.isLoopTold = true
                state.nextCheck = min(state.nextCheck, deadline)
            }
            return (nil, !state.isLoopTold || deadline < state.nextCheck)
        }
        if let refusal { continuation.resume(returning: refusal) }
        return mustTell
    }

    /// Gives back the room that a task does not need any more.
    func giveBack(_ bytes: Int) {
        let granted = state.withLock { state in
            state.promised -= bytes
            return grantRoom(&state)
        }
        for waiter in granted { waiter.continuation.resume(returning: .room) }
    }

    /// Ends the waiting of a request; what was taken over is sent all the same. Nothing happens when it has ended.
    func cancel(_ number: Int32) {
        let waiter = state.withLock { $0.waiters.remove(number) }
        waiter?.continuation.resume(returning: .failed(.cancelled))
    }

    /// Requests that wait for room or for an answer.
    var waitingCount: Int { state.withLock { $0.waiters.count } }
    /// Bytes that wait for the loop.
    var waitingBytes: Int { state.withLock { $0.output.count } }

    // MARK: From the loop

    /// There is a connection.
    func open() { state.withLock { $0.isOpen = true } }

    /// The connection is gone: all requests fail, those that have not begun are told to.
    func close() {
        let waiters = state.withLock { state in
            state.isOpen = false
            state.output.take(state.output.count)
            state.output.shrink()
            state.seekers = []
            state.isLoopTold = false
            state.nextCheck = .distantFuture
            return state.waiters.removeAll()
        }
        for waiter in waiters {
            waiter.continuation.resume(returning: waiter.bytesToCome > 0 ? .notConnected : .failed(.connectionClosed(address: address)))
        }
    }

    /// Moves what waits to the end of `target`, and gives the room to those that wait for it.
    func take(into target: inout ByteQueue) {
        let granted = state.withLock { state in
            state.isLoopTold = false
            if target.isEmpty {
                swap(&target, &state.output)
            } else {
                target.append(state.output.readable)
                state.output.take(state.output.count)
            }
            return grantRoom(&state)
        }
        for waiter in granted { waiter.continuation.resume(returning: .room) }
    }

    private func grantRoom(_ state: inout State) -> [WaiterTable.Waiter] {
        guard !state.seekers.isEmpty else { return [] }
        var granted: [WaiterTable.Waiter] = []
        var index = 0
        while index < state.seekers.count {
            if let waiter = state.waiters.remove(state.seekers[index]) {
                guard state.hasRoom(for: waiter.bytesToCome, limit: limitBytes) else {
                    _ = state.waiters.insert(waiter)
                    break
                }
                state.promised += waiter.bytesToCome
                granted.append(waiter)
            }
            index += 1
        }
        state.seekers.removeFirst(index)
        return granted
    }

    /// Hands answers to those that wait for them; of requests that have ended they are dropped. Empties `answers`.
    func complete(_ answers: inout [(number: Int32, outcome: Outcome)], _ scratch: inout [Continuation?]) {
        state.withLock { state in
            for answer in answers { scratch.append(state.waiters.remove(answer.number)?.continuation) }
        }
        for index in answers.indices { scratch[index]?.resume(returning: answers[index].outcome) }
        scratch.removeAll(keepingCapacity: scratch.count <= 65_536)
        answers.removeAll(keepingCapacity: answers.count <= 65_536)
    }

    /// When ``expire(now:)`` has something to do; in the distant future while nobody waits.
    var nextCheck: MonotonicInstant { state.withLock { $0.nextCheck } }

    /// Fails what is overdue.
    /// - Returns: when to look again; in the distant future when nobody waits.
    func expire(now: MonotonicInstant) -> MonotonicInstant {
        let (overdue, next) = state.withLock { state -> ([WaiterTable.Waiter], MonotonicInstant) in
            let (overdue, earliest) = state.waiters.removeOverdue(now)
            state.nextCheck = earliest.map { max($0, now + RequestExchange.checkPause) } ?? .distantFuture
            return (overdue, state.nextCheck)
        }
        for waiter in overdue {
            waiter.continuation.resume(returning: .failed(
                .timedOut(address: address, code: waiter.code, after: .nanoseconds(waiter.timeoutNanoseconds))))
        }
        return next
    }
}
