public import RMQCommon

/// A message that waits to be settled by `acknowledge`, `retry` or `deadLetter`. The first of them counts, later ones do nothing.
///
/// An unsettled delivery holds back the group's offset in its queue, and takes one of the `maxConcurrency` places. One that is not settled
/// within ``ConsumerConfiguration/consumeTimeout`` goes back to the broker.
public struct Delivery: Sendable {
    /// What was received.
    public let message: StoredMessage
    let run: PulledRun
    let index: Int
    let mark: MessageMark
    let consumer: PushConsumer
    /// For the trace; nil when it is not traced.
    var span: ClientCore.ConsumeSpan?

    /// The message is done with.
    public func acknowledge() {
        guard run.settle(index, mark) else { return }
        count(succeeded: 1)
        consumer.core.traceConsumed(span, .success)
        consumer.places.release()
    }

    /// Sends it back to the broker, which gives it to some member of the group later, with `reconsumeTimes` one higher.
    ///
    /// That happens in the background. When the broker does not take it, the message comes again here after
    /// ``ConsumerConfiguration/redeliveryDelay``.
    public func retry(after delay: RetryDelay = .brokerDefault) { giveBack(level: delay.wireLevel) }

    /// Sends it to the group's dead letters, in the background like ``retry(after:)``.
    public func deadLetter() { giveBack(level: ConsumeResult.deadLetterLevel) }

    private func giveBack(level: Int32) {
        guard let returning = run.beginReturn(index, mark) else { return }
        count(failed: 1)
        consumer.core.traceConsumed(span, .failed)
        // In a task of its own, which keeps the place until the broker has the message: closing the consumer waits for that.
        Task {
            await consumer.sendBack(run, index, returning, level: level)
            consumer.places.release()
        }
    }

    private func count(succeeded: Int = 0, failed: Int = 0) {
        let elapsed = Duration.milliseconds(max(0, CoarseClock.milliseconds() - mark.since))
        run.queue.counts?.countHandled(succeeded: succeeded, failed: failed, runs: 1, elapsed: elapsed)
    }
}
