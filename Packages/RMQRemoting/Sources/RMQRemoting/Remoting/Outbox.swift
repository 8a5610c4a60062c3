import RMQCommon
import Synchronization

/// What tasks ask of one server without a hand-over for each: the frames that wait for the loop, and who waits for which answer.
///
///     a task ──► frame appended, waiter entered ──► the loop takes all frames at once and writes them
///        └─────► the only send under way: written at once      answers of one read ──► their waiters, all at once ──► the tasks go on
///
/// A frame that finds no room waits for it, in the order of arrival; so what is not written is bounded, and nobody is refused.
/// Open while the endpoint is connected. All of it has one lock, taken once for a request and once for the answers of a read.
final class Outbox: Sendable {
    /// A request's frame, as its parts lie in memory.
    struct Frame {
        /// Everything before the body.
        let start: UnsafeRawBufferPointer
        let body: UnsafeRawBufferPointer
        var byteCount: Int { start.count + body.count }
    }

    private struct State: ~Copyable {
        var isOpen = false
        var output = ByteQueue()
        var waiters = WaiterTable()
        /// Numbers of those that wait for room, in their order. They may have left since.
        var seekers: [Int32] = []
        /// Bytes for which room was promised and that are not here yet.
        var promised = 0
        /// The loop was told to come, and has not come yet.
        var isLoopTold = false
        /// While it is here, the loop does not write, and nothing waits there.
        var socket: LentSocket?
        /// Something was written to a lent socket that the loop has not heard of.
        var hasWritten = false
        /// When the loop looks for those that are overdue.
        var nextCheck = MonotonicInstant.distantFuture

        func hasRoom(for count: Int, limit: Int) -> Bool {
            let used = output.count + promised
            return used == 0 || used + count <= limit
        }

        /// Writes a frame, if the socket is here and it is to be at once, or adds it to what the loop is to write.
        /// - Returns: whether all is written.
        mutating func write(_ frame: Frame, atOnce: Bool) -> Bool {
            var written = 0
            if atOnce, let socket, output.isEmpty {
                hasWritten = true
                written = socket.write(frame.start, frame.body)
                if written == frame.byteCount { return true }
                self.socket = nil
            }
            let ofStart = min(written, frame.start.count)
            output.append(UnsafeRawBufferPointer(rebasing: frame.start[ofStart...]))
            output.append(UnsafeRawBufferPointer(rebasing: frame.body[(written - ofStart)...]))
            return false
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
    /// A longer frame is written by the loop, although its send is the only one: sockets take it in parts.
    private static let mostBytesAtOnce = 64 * 1024

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

    /// Takes a frame over, or has its task wait for room. The request's task goes on once.
    ///
    /// - Parameter hasRoom: the task has waited for room, which is kept for it since.
    /// - Returns: whether the loop has to be told.
    func start(_ request: PendingRequest, _ frame: Frame, hasRoom: Bool) -> Bool {
        let size = frame.byteCount
        guard size <= maxFrameBytes else {
            request.end(.failed(.frameTooLarge(bytes: size, limit: maxFrameBytes)))
            return false
        }
        let (isTaken, mustTell) = state.withLock { state -> (Bool, Bool) in
            if hasRoom { state.promised -= size }
            guard state.isOpen else { return (false, false) }
            let mayGo = hasRoom || (state.seekers.isEmpty && state.hasRoom(for: size, limit: limitBytes))
            request.bytesToCome = mayGo ? 0 : size
            let isAlone = request.kind == .send && state.waiters.sendCount == 0
            // Who has waited for room goes through the loop, which gives room to the next ones. The lock is held over a write: so it is short.
            let goesAtOnce = isAlone && !hasRoom && size <= Self.mostBytesAtOnce
            // After 2^30 others the number may still be in use, by a request with as long a time: the task takes another one.
            guard state.waiters.insert(request) else { return (false, false) }
            var mustTell = request.deadline < state.nextCheck
            state.nextCheck = min(state.nextCheck, request.deadline)
            if !mayGo { state.addSeeker(request.number) }
            if !(mayGo && state.write(frame, atOnce: goesAtOnce)) { mustTell = mustTell || !state.isLoopTold }
            if mustTell { state.isLoopTold = true }
            return (true, mustTell)
        }
        if !isTaken { request.resume(.connect) }
        return mustTell
    }

    /// Gives back the room that a task does not need any more.
    func giveBack(_ bytes: Int) {
        let granted = state.withLock { state in
            state.promised -= bytes
            return grantRoom(&state)
        }
        for request in granted { request.resume(.useRoom) }
    }

    /// Ends the waiting of a request; what was taken over is sent all the same. Nothing happens when it has ended.
    func cancel(_ number: Int32) {
        let request = state.withLock { $0.waiters.remove(number) }
        request?.end(.failed(.cancelled))
    }

    /// Requests that wait for room or for an answer.
    var waitingCount: Int { state.withLock { $0.waiters.count } }
    /// Bytes that wait for the loop.
    var waitingBytes: Int { state.withLock { $0.output.count } }

    // MARK: From the loop

    /// There is a connection.
    func open() { state.withLock { $0.isOpen = true } }

    /// Takes the socket, until ``take(into:)``, ``stop()`` or a write that it did not take whole; false when the loop has to come first.
    func lend(_ socket: LentSocket) -> Bool {
        state.withLock { state in
            guard state.isOpen, state.output.isEmpty else { return false }
            state.socket = socket
            return true
        }
    }

    /// The connection is about to be gone: nothing is taken over or written any more. ``close()`` follows.
    func stop() {
        state.withLock { state in
            state.isOpen = false
            state.socket = nil
        }
    }

    /// The connection is gone: all requests fail, those that have not begun are told to.
    /// - Parameter refusal: why it never was one, if so.
    func close(_ refusal: String? = nil) {
        let waiting = state.withLock { state in
            state.isOpen = false
            state.socket = nil
            state.hasWritten = false
            state.output.take(state.output.count)
            state.output.shrink()
            state.seekers = []
            state.isLoopTold = false
            state.nextCheck = .distantFuture
            return state.waiters.removeAll()
        }
        for request in waiting {
            if request.bytesToCome > 0 { request.resume(.connect) } else { request.end(.failed(.lost(address, refusal))) }
        }
    }

    /// Moves what waits to the end of `target`, and gives the room to those that wait for it. The socket is the loop's again.
    /// - Returns: whether something was written to it here.
    @discardableResult
    func take(into target: inout ByteQueue) -> Bool {
        let (granted, hasWritten) = state.withLock { state in
            defer { state.hasWritten = false }
            state.socket = nil
            state.isLoopTold = false
            if target.isEmpty {
                swap(&target, &state.output)
            } else {
                target.append(state.output.readable)
                state.output.take(state.output.count)
            }
            return (grantRoom(&state), state.hasWritten)
        }
        for request in granted { request.resume(.useRoom) }
        return hasWritten
    }

    private func grantRoom(_ state: inout State) -> [PendingRequest] {
        guard !state.seekers.isEmpty else { return [] }
        var granted: [PendingRequest] = []
        var index = 0
        while index < state.seekers.count {
            if let request = state.waiters.remove(state.seekers[index]) {
                guard state.hasRoom(for: request.bytesToCome, limit: limitBytes) else {
                    _ = state.waiters.insert(request)
                    break
                }
                state.promised += request.bytesToCome
                granted.append(request)
            }
            index += 1
        }
        state.seekers.removeFirst(index)
        return granted
    }

    /// An answer that was read, and the number of its request.
    struct Answer {
        let number: Int32
        let outcome: PendingRequest.Outcome
        /// Nil until it is found, and when it has ended before.
        var request: PendingRequest?
    }

    /// Hands answers to those that wait for them; of requests that have ended they are dropped. Empties `answers`.
    func complete(_ answers: inout [Answer]) {
        state.withLock { state in
            for index in answers.indices { answers[index].request = state.waiters.remove(answers[index].number) }
        }
        for answer in answers { answer.request?.end(answer.outcome) }
        answers.removeAll(keepingCapacity: answers.count <= 65_536)
    }

    /// What the loop was told to come for: when ``expire(now:)`` has something to do, in the distant future while nobody waits; and whether there
    /// is something to take.
    func news() -> (nextCheck: MonotonicInstant, isFilled: Bool) {
        state.withLock { state in
            let isFilled = !state.output.isEmpty || !state.seekers.isEmpty
            if !isFilled { state.isLoopTold = false }
            return (state.nextCheck, isFilled)
        }
    }

    /// Fails what is overdue.
    /// - Returns: when to look again; in the distant future when nobody waits.
    func expire(now: MonotonicInstant) -> MonotonicInstant {
        let (overdue, next) = state.withLock { state -> ([PendingRequest], MonotonicInstant) in
            let (overdue, earliest) = state.waiters.removeOverdue(now)
            state.nextCheck = earliest.map { max($0, now + RequestExchange.checkPause) } ?? .distantFuture
            return (overdue, state.nextCheck)
        }
        for request in overdue {
            request.end(.failed(.timedOut(address: address, code: request.code.rawValue, after: request.deadline - request.begin)))
        }
        return next
    }
}
