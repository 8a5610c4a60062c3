import RMQCommon
import Synchronization

/// The group's offsets as far as this consumer knows them, before they are stored.
final class OffsetTable: Sendable {
    private struct State {
        var offsets: [MessageQueue: Int64] = [:]
        /// Changed since the last time they were stored.
        var unsaved: Set<MessageQueue> = []
    }

    private let state = Mutex(State())

    subscript(queue: MessageQueue) -> Int64? { state.withLock { $0.offsets[queue] } }

    /// Moves forward only: settlements arrive in any order.
    func advance(_ queue: MessageQueue, to offset: Int64) {
        state.withLock { state in
            guard offset > state.offsets[queue] ?? -1 else { return }
            state.offsets[queue] = offset
            state.unsaved.insert(queue)
        }
    }

    /// Sets an offset that may lie behind the present one, after a broker's correction.
    func reset(_ queue: MessageQueue, to offset: Int64) {
        state.withLock { state in
            state.offsets[queue] = offset
            state.unsaved.insert(queue)
        }
    }

    /// Sets an offset that may lie behind the present one; one that is the same needs no storing.
    func move(_ queue: MessageQueue, to offset: Int64) {
        state.withLock { state in
            guard state.offsets.updateValue(offset, forKey: queue) != offset else { return }
            state.unsaved.insert(queue)
        }
    }

    func forget(_ queues: some Sequence<MessageQueue>) {
        state.withLock { state in
            for queue in queues {
                state.offsets[queue] = nil
                state.unsaved.remove(queue)
            }
        }
    }

    /// What has changed since the last call, or only that of `queues`.
    func takeUnsaved(of queues: [MessageQueue]? = nil) -> [MessageQueue: Int64] {
        state.withLock { state in
            let taken = queues.map { state.unsaved.intersection($0) } ?? state.unsaved
            state.unsaved.subtract(taken)
            return state.offsets.filter { taken.contains($0.key) }
        }
    }

    /// Marks offsets as not stored after all.
    func storingFailed(_ queues: some Sequence<MessageQueue>) {
        state.withLock { $0.unsaved.formUnion(queues) }
    }

    var all: [MessageQueue: Int64] { state.withLock { $0.offsets } }
}
