import RMQCommon
import RMQRemoting
import Synchronization

/// Pulls of one queue that follow each other on the network's thread: no task runs between an answer and the next pull.
///
///     pull loop ─► pull ─► answer ─► next pulls ─► flush ─► cache, inbox ─► answer ─► … ─► pull loop
///
/// The next pull leaves before the answer is read, so that the broker works meanwhile. In an even backlog two are on their way, see
/// ``PullCourse``. An answer of few bytes is handed over first: the backlog ends there, and somebody may wait for it.
///
/// A burst ends with the first answer that is more than messages, or the word that there are none; and when there is no room, or the queue is
/// not to be pulled as it was any more. What is to be done then may take its time, so it is the loop that does it.
final class PullBurst: Sendable {
    enum End: Sendable {
        case stopped
        /// Nothing of it is cached.
        case answer(PullResult, elapsed: Duration)
        case failed(ClientError)
    }

    private struct State {
        /// Behind all that was taken.
        var offset: Int64
        var course: PullCourse
        /// Came before the answer of a pull that was sent earlier.
        var early: Answer?
        /// Answers that are to be taken behind the flush.
        var deferredCount = 0
        var isOver = false
        /// An answer is being read and cached: an end that comes meanwhile waits for it.
        var isTaking = false
        var end: End?
        /// The pull loop, while it waits for the end.
        var loop: CheckedContinuation<End, Never>?
    }

    /// What a pull brought, not read yet.
    private struct Answer {
        let pull: PullCourse.Pull
        let content: PullAnswer
        let elapsed: Duration
    }

    /// From so many bytes on an answer is part of a backlog.
    private static let backlogBytes = 2048

    private let core: ClientCore
    private let receiver: any PullReceiver
    private let request: QueuePull
    private let template: PullTemplate
    private let address: String
    private let peer: RemotingPeer?
    private let isMaster: Bool
    /// The member of the broker set at the address.
    private let brokerId: Int64
    private let timeout: Duration
    private let state: Mutex<State>

    /// - Parameter request: the first pull; but for offsets the later ones are like it.
    init(
        _ core: ClientCore, for receiver: any PullReceiver, _ request: QueuePull, at reader: (address: String, isMaster: Bool), brokerId: Int64,
        timeout: Duration
    ) {
        self.core = core
        self.receiver = receiver
        self.request = request
        (address, isMaster) = reader
        self.brokerId = brokerId
        self.timeout = timeout
        template = PullTemplate(request.header)
        peer = core.peer(address)
        state = Mutex(State(offset: request.offset, course: PullCourse(at: request.offset)))
    }

    /// Pulls until the burst ends or the task is cancelled.
    /// - Returns: why it ended, and where to go on unless the answer says so.
    func run() async -> (end: End, offset: Int64) {
        let end = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if !state.isOver { state.loop = continuation }
                    return state.isOver
                }
                if isOver { continuation.resume(returning: .stopped) } else { send(state.withLock { $0.course.goOn() }) }
            }
        } onCancel: {
            finish(.stopped)
        }
        return (end, state.withLock { $0.offset })
    }

    private func finish(_ end: End) {
        let loop: CheckedContinuation<End, Never>? = state.withLock { state in
            guard !state.isTaking else {
                state.end = state.end ?? end
                return nil
            }
            state.isOver = true
            return state.loop.take()
        }
        loop?.resume(returning: end)
    }

    // MARK: On the network's thread

    private func send(_ pull: PullCourse.Pull) {
        let committed = receiver.beginPull()
        // Replicas store no offsets. Of two pulls at once a broker might store the later offset first.
        let place = PullTemplate.Place(offset: pull.offset, committed: isMaster && !pull.isAhead ? committed : nil)
        let begin = MonotonicInstant.now
        core.pull(template, place, from: begin, at: address, peer, timeout: timeout) { result in
            switch result {
            case .success(let answer): self.answered(Answer(pull: pull, content: answer, elapsed: .now - begin))
            case .failure(let error): self.failed(error, pull)
            }
        }
    }

    private func failed(_ error: ClientError, _ pull: PullCourse.Pull) {
        if state.withLock({ $0.course.isValid(pull) }) { finish(.failed(error)) }
    }

    private func answered(_ answer: Answer) {
        var next: Answer? = answer
        while let answer = next {
            let isDue = state.withLock { state in
                guard !state.isOver, state.course.isValid(answer.pull) else { return false }
                guard state.course.isNext(answer.pull) else {
                    state.early = answer
                    return false
                }
                state.course.answered(answer.pull, next: answer.content.nextBeginOffset, end: answer.content.maxOffset)
                return true
            }
            guard isDue else { return }
            handle(answer)
            next = state.withLock { $0.early.take() }
        }
    }

    private func handle(_ answer: Answer) {
        let isFirstInLine = state.withLock { $0.deferredCount == 0 }
        guard let loop = EventLoop.current else { return take(answer, behindFlushOf: nil, pullsNext: true) }
        let pullsNext = !isBacklog(answer) || !pullBehind(answer)
        if pullsNext, isFirstInLine { return take(answer, behindFlushOf: nil, pullsNext: true) }
        state.withLock { $0.deferredCount += 1 }
        loop.deferBehindFlush {
            self.state.withLock { $0.deferredCount -= 1 }
            self.take(answer, behindFlushOf: loop, pullsNext: pullsNext)
        }
    }

    private func isBacklog(_ answer: Answer) -> Bool {
        answer.content.code == .success && answer.content.body.count >= Self.backlogBytes && answer.content.suggestedBrokerId == brokerId
            && answer.content.nextBeginOffset > answer.pull.offset
    }

    /// Sends what may be sent before the answer is read.
    /// - Returns: whether a pull is on its way now.
    private func pullBehind(_ answer: Answer) -> Bool {
        while let (wish, taken) = state.withLock({ state in state.course.wish.map { (wish: $0, taken: state.offset) } }) {
            guard let coming = ComingMessages(taken..<wish, bytes: answer.content.body.count, each: answer.pull.offset..<answer.content.nextBeginOffset),
                receiver.mayPull(beside: coming)
            else { break }
            send(state.withLock { $0.course.goOn() })
        }
        return state.withLock { $0.course.isPulling }
    }

    /// Reads an answer and hands over what it brought, or ends the burst with it.
    /// - Parameter pullsNext: sends the next pull, unless one is on its way, or ends the burst when that may not be.
    private func take(_ answer: Answer, behindFlushOf loop: EventLoop?, pullsNext: Bool) {
        let begins = state.withLock { state in
            state.isTaking = !state.isOver
            return state.isTaking
        }
        guard begins else { return }
        var end: End?
        do throws(ClientError) {
            let result = try request.result(of: answer.content, from: address)
            if result.status == .offsetIllegal || !result.unreadable.isEmpty || result.suggestedBrokerId != brokerId {
                end = .answer(result, elapsed: answer.elapsed)
            } else {
                receiver.take(result, elapsed: answer.elapsed, behindFlushOf: loop)
                state.withLock { $0.offset = result.nextOffset }
            }
        } catch {
            end = .failed(error)
        }
        let pulls = end == nil && pullsNext && !state.withLock { $0.course.isPulling }
        if pulls, !receiver.mayPull(beside: nil) { end = .stopped }
        let (ended, waiter) = state.withLock { state -> (End?, CheckedContinuation<End, Never>?) in
            state.isTaking = false
            guard let end = end ?? state.end else { return (nil, nil) }
            state.isOver = true
            return (end, state.loop.take())
        }
        if let ended { waiter?.resume(returning: ended) } else if pulls { send(state.withLock { $0.course.goOn() }) }
    }
}
