import RMQCommon
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

    /// What operators are told about each queue that this consumer has (request code 307).
    var runningQueues: [MessageQueue: QueueReport] {
        state.withLock { $0.assigned }.mapValues { assigned in
            assigned.advance(moving: offsets)
            var report = assigned.report()
            report.commitOffset = offsets[assigned.queue]
            return report
        }
    }

    /// Has the handler take one message now (request code 309). Nothing is cached, settled or sent back.
    /// - Returns: nil when no handler runs.
    func handleDirectly(_ message: StoredMessage) async -> DirectHandling? {
        guard let running = state.withLock({ $0.life.running }), let handlers = running.handlers else { return nil }
        var message = message
        if let original = message.properties[PropertyName.retryTopic], message.topic.isExactly(RetryTopic.name(group)) { message.topic = original }
        let start = MonotonicInstant.now
        var handling = DirectHandling(isOrdered: running.mode == .ordered)
        do {
            handling.result = try await handlers.consumption.handleDirectly(message)
        } catch {
            handling.result = "CR_THROW_EXCEPTION"
            handling.remark = "\(error)"
        }
        handling.elapsed = MonotonicInstant.now - start
        return handling
    }
}

/// How a handler fared with a message that it was handed directly.
struct DirectHandling: Sendable {
    let isOrdered: Bool
    /// In the reference's words: `CR_SUCCESS`, `CR_LATER`, `CR_THROW_EXCEPTION`.
    var result = ""
    /// The text of what the handler threw.
    var remark: String?
    var elapsed = Duration.zero
}
