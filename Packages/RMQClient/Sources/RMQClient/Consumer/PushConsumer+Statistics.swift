import RMQCommon

/// What is counted for operators.
extension PushConsumer {
    func count(_ tally: ConsumeTally) {
    }

    func countPull(_ result: PullResult, from assigned: AssignedQueue, elapsed: Duration) {
    }
}
