import RMQCommon
import Synchronization

extension PushConsumer {
    /// Stores what changed, at the brokers or in the file. What cannot be stored is tried again the next time.
    /// - Parameters:
    ///   - queues: the ones to store; nil stores all.
    ///   - thenForget: whether these queues are not this consumer's any more.
    func persistOffsets(of queues: [MessageQueue]? = nil, thenForget: Bool = false) async {
        advanceOffsets()
        await groupOffsets.persist(of: queues, thenForget: thenForget)
    }

    /// Moves the group's offsets to what is settled by now.
    func advanceOffsets() {
        for assigned in state.withLock({ Array($0.assigned.values) }) { assigned.advance(moving: offsets) }
    }

    func startOffset(of queue: MessageQueue) async throws(ClientError) -> Int64 {
        let stored = isClustering ? try await core.committedOffset(group: group, queue: queue, timeout: GroupOffsets.timeout) : offsets[queue]
        // Found before by this consumer, since it holds the queue: asked again, the end may lie behind messages that nobody has handled.
        if stored == nil, let known = offsets[queue] { return known }
        let start = try await core.startOffset(of: queue, stored: stored, position: configuration.start, timeout: GroupOffsets.timeout)
        // Where the group begins is stored even when nothing is handled: the next owner would look for the end, and find a later one.
        if stored == nil, start > 0 { offsets.advance(queue, to: start) }
        return start
    }
}
