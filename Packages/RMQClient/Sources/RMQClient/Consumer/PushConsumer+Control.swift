import RMQCommon
import RMQRemoting
import Synchronization

extension PushConsumer {
    /// Stops pulling. What was pulled is still handled; queues stay with this consumer, which takes no new ones.
    public func pause() {
        setPaused(true)
    }

    /// Pulls again.
    public func resume() {
        setPaused(false)
        wakeRebalance()
    }

    private func setPaused(_ isPaused: Bool) {
        let queues = state.withLock { state in
            state.isPaused = isPaused
            return Array(state.assigned.values)
        }
        for assigned in queues { assigned.adjust(isPaused: isPaused) }
    }

    /// What operators are told about each queue that this consumer has.
    var runningQueues: [MessageQueue: QueueReport] {
        advanceOffsets()
        return state.withLock { $0.assigned }.mapValues { assigned in
            var report = assigned.report()
            report.commitOffset = offsets[assigned.queue]
            return report
        }
    }

    /// Has the handler take one message now; nil when no handler runs.
    func consumeDirectly(_ message: StoredMessage) async -> ConsumeDirectlyResult? {
        guard let running = state.withLock({ $0.life.running }), let handlers = running.handlers else { return nil }
        let message = asSent(message)
        let start = MonotonicInstant.now
        var answer = ConsumeDirectlyResult { $0.isOrdered = running.mode == .ordered }
        do {
            answer.result = try await handlers.consumption.handleDirectly(message)
        } catch {
            answer.result = "CR_THROW_EXCEPTION"
            answer.remark = "\(error)"
        }
        answer.elapsedMilliseconds = (MonotonicInstant.now - start).milliseconds
        return answer
    }
}
