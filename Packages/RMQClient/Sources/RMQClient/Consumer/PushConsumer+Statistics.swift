import RMQCommon

/// What is counted for operators.
extension PushConsumer {
    func count(_ tally: ConsumeTally) {
        core.statistics.counts(topic: tally.topic, group: group)
            .countHandled(succeeded: tally.succeeded, failed: tally.failed, runs: tally.succeeded + tally.failed, elapsed: tally.elapsed)
    }

    /// Only what was found counts, as in the reference.
    func countPull(_ result: PullResult, from assigned: AssignedQueue, elapsed: Duration) {
        guard result.status == .found else { return }
        core.statistics.counts(topic: assigned.queue.topic, group: group).countPull(result.messages.count, elapsed: elapsed)
    }
}
