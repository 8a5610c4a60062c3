import RMQCommon
import RMQRemoting
import Synchronization

/// The questions about half messages of one group: answered a few at a time, the others wait.
final class TransactionChecks: Sendable {
    /// Most questions that wait; what is asked then is dropped, and asked again in the broker's next round. The reference's number.
    static let mostWaiting = 2_000
    /// Most checks that run at once.
    static let mostRunning = 16

    private struct State {
        var waiting: [CheckQuestion] = []
        var running: [Int: Task<Void, Never>] = [:]
        var nextNumber = 0
        var isClosed = false
        /// Of those who wait for the last check.
        var drained: [AsyncStream<Void>.Continuation] = []

        mutating func ended(_ number: Int) {
            running[number] = nil
            guard running.isEmpty else { return }
            for waiting in drained { waiting.finish() }
            drained = []
        }
    }

    private let group: String
    private let logger: Logger
    private let check: @Sendable (StoredMessage) async throws -> TransactionDecision
    private let state = Mutex(State())

    init(group: String, logger: Logger, check: @escaping @Sendable (StoredMessage) async throws -> TransactionDecision) {
        self.group = group
        self.logger = logger
        self.check = check
    }

    func add(_ question: CheckQuestion, _ core: ClientCore) {
        let isTaken = state.withLock { state in
            guard !state.isClosed else { return true }
            guard state.waiting.count < Self.mostWaiting else { return false }
            state.waiting.append(question)
            guard state.running.count < Self.mostRunning else { return true }
            let number = state.nextNumber
            state.nextNumber += 1
            state.running[number] = Task { await self.work(number, core) }
            return true
        }
        if !isTaken {
            logger.warning(
                "\(Self.mostWaiting) checks of group \(group) wait already: that of message \(question.message.messageId) is dropped, the broker asks again")
        }
    }

    /// Waits for the checks in hand, for at most `gracePeriod`, and cancels those that have not ended then.
    func close(gracePeriod: Duration) async {
        let (drained, signal) = AsyncStream<Void>.makeStream()
        state.withLock { state in
            state.isClosed = true
            if state.running.isEmpty { signal.finish() } else { state.drained.append(signal) }
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in drained {} }
            group.addTask { try? await Task.sleep(for: gracePeriod) }
            await group.next()
            group.cancelAll()
        }
        for task in state.withLock({ Array($0.running.values) }) { task.cancel() }
    }

    /// Answers questions until none waits.
    private func work(_ number: Int, _ core: ClientCore) async {
        while let question = next(number) {
            var decision = TransactionDecision.unknown
            var failure: (any Error)?
            do {
                decision = try await check(question.message)
            } catch {
                failure = error
                logger.warning("the check of group \(group) failed for message \(question.message.messageId): \(error)")
            }
            guard !Task.isCancelled else { return leave(number) }
            await question.answer(decision, failure, group: group, core)
        }
    }

    private func next(_ number: Int) -> CheckQuestion? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.ended(number)
                return nil
            }
            return state.waiting.removeFirst()
        }
    }

    private func leave(_ number: Int) { state.withLock { $0.ended(number) } }
}
