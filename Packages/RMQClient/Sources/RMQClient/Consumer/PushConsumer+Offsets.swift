import RMQCommon
import Synchronization

extension PushConsumer {
    /// Stores what changed, at the brokers or in the file. What cannot be stored is tried again the next time.
    ///
    /// One call at a time: a value that is on its way must not arrive after a later one, nor after its queue was given up.
    /// - Parameters:
    ///   - queues: the ones to store; nil stores all.
    ///   - thenForget: whether these queues are not this consumer's any more.
    func persistOffsets(of queues: [MessageQueue]? = nil, thenForget: Bool = false) async {
        await persistence.run {
            for assigned in state.withLock({ Array($0.assigned.values) }) { assigned.advance(moving: offsets) }
            let unsaved = offsets.takeUnsaved(of: queues)
            if !unsaved.isEmpty {
                if let offsetPath { save(unsaved, to: offsetPath) } else { await commit(unsaved) }
            }
            if thenForget, let queues { offsets.forget(queues) }
        }
    }

    private func save(_ unsaved: [MessageQueue: Int64], to path: String) {
        do {
            try OffsetFile.save(offsets.all, to: path)
        } catch {
            offsets.storingFailed(unsaved.keys)
            core.logger.error("offsets of group \(group) not written to \(path): \(error)")
        }
    }

    /// All at once, so that a broker that does not answer costs one time-out and not one a queue.
    private func commit(_ unsaved: [MessageQueue: Int64]) async {
        await withDiscardingTaskGroup { tasks in
            for (queue, offset) in unsaved {
                tasks.addTask {
                    do {
                        try await self.core.commit(group: self.group, queue: queue, offset: offset, timeout: .seconds(5))
                    } catch {
                        self.offsets.storingFailed([queue])
                        self.core.logger.warning("offset \(offset) of \(queue) for group \(self.group) not stored: \(error)")
                    }
                }
            }
        }
    }

    func startOffset(of queue: MessageQueue) async throws(ClientError) -> Int64 {
        let timeout = GroupOffsets.timeout
        let stored = isClustering ? try await core.committedOffset(group: group, queue: queue, timeout: timeout) : offsets[queue]
        return try await core.startOffset(of: queue, stored: stored, position: configuration.start, timeout: timeout)
    }
}
