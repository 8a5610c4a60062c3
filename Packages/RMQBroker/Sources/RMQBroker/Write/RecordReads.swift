import RMQCommon
import RMQRemoting
import RMQStore

/// Stored messages that are read for being written once more: sent back by a consumer, committed by a producer.
extension LoopState {
    /// Calls `body` on this loop with the record that begins at `offset`, after a worker has read it from the disk if it is not in
    /// memory; with nil when none begins there.
    /// - Throws: when too much waits for the disk; `body` is not called then.
    func readRecord(at offset: Int64, then body: @escaping (MappedRange?) -> Void) throws(Refusal) {
        let store = broker.store
        if store.isInMemory(recordAt: offset) { return body(store.record(at: offset)) }
        let waiting = LoopBound(body, loop: loop)
        let isTaken = broker.workers.readers.run {
            let record = store.record(at: offset)
            // Each page of it is touched here, so that the loop does not wait for the disk.
            if let record { _ = CRC32.rocketMQ(record.bytes) }
            waiting.post { $0(record) }
        }
        if !isTaken { throw .overloaded(broker.workers.readers) }
    }
}
