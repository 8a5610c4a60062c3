import RMQCommon

extension PushConsumer {
    /// Sets the group back, or ahead, to the first messages stored at or after `timestamp`, in milliseconds since 1970.
    ///
    /// Of the queues of every topic it subscribes to that this consumer holds: the other members of the group stay where they are. Returns
    /// when consumption goes on from there, some ten seconds later: handlers that are at work must not overwrite the new offsets.
    /// - Throws: what a broker answers; nothing has changed then.
    public func resetOffsets(toTime timestamp: Int64) async throws(ClientError) {
        var offsets: [MessageQueue: Int64] = [:]
        for queue in heldQueues {
            offsets[queue] = try await core.searchOffset(of: queue, at: timestamp, timeout: GroupOffsets.timeout)
        }
        // In a task of its own: a caller who is cancelled must not leave the queues given up.
        await Task { await self.resetOffsets(to: offsets) }.value
    }
}
