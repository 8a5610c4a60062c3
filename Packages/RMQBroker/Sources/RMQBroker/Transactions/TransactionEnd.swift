import RMQCommon
import RMQRemoting
import RMQStore

/// One request to commit or to roll back, on its way. On its loop's thread only.
///
///     are the ends known? ─► read the half message ─► is it what was named? ─► has it ended? ─► final message and op record ─► answer
///        └ no: a worker reads them      └ not in memory: a worker reads it                └ yes: answer, nothing is stored
struct TransactionEnd {
    let header: EndTransactionHeader
    let loop: LoopState
    let reply: ReplyHandle

    private var transactions: Transactions { loop.broker.transactions }

    func begin() {
        attempt { () throws(Refusal) in
            if transactions.isLoaded { return try read() }
            let waiting = LoopBound(self, loop: loop.loop)
            try transactions.whenLoaded { waiting.post { end in end.attempt { () throws(Refusal) in try end.read() } } }
        }
    }

    private func read() throws(Refusal) {
        try loop.readRecord(at: header.halfPhysicalOffset) { record in
            // The store may have changed its role while a worker read.
            guard transactions.isLoaded else { return begin() }
            attempt { () throws(Refusal) in try end(record) }
        }
    }

    private func end(_ record: MappedRange?) throws(Refusal) {
        guard let record, let half = HalfMessage(record.bytes) else {
            throw Refusal(.systemError, "Find prepared transaction message failed: no record begins at \(header.halfPhysicalOffset) in the log")
        }
        try check(half)
        switch transactions.begin(half) {
        case .finished:
            reply.complete(.response(.success))
        case .busy:
            throw Refusal(.systemBusy, "another request is ending the transaction of half message \(half.origin); try again later")
        case .begun:
            do throws(Refusal) {
                try write(half)
            } catch {
                transactions.end(half.fields.queueOffset, origin: half.origin, isStored: false)
                throw error
            }
        }
    }

    /// In the reference's order and, where clients may look, in its words.
    private func check(_ half: HalfMessage) throws(Refusal) {
        guard half.topic.isExactly(SystemTopic.transactionHalf), half.fields.queueId == 0 else {
            throw Refusal(.systemError, "the message at \(header.halfPhysicalOffset) in the log is no half message")
        }
        guard half.producerGroup?.isExactly(header.producerGroup) == true else {
            throw Refusal(.systemError, "The producer group wrong: the half message is not of \(header.producerGroup.prefix(bytes: 255))")
        }
        guard half.fields.queueOffset == header.halfQueueOffset else {
            throw Refusal(.systemError, "The transaction state table offset wrong: it is \(half.fields.queueOffset), not \(header.halfQueueOffset)")
        }
        guard half.fields.physicalOffset == header.halfPhysicalOffset else {
            throw Refusal(.systemError, "The commit log offset wrong: it is \(half.fields.physicalOffset), not \(header.halfPhysicalOffset)")
        }
        guard loop.broker.store.isInQueue(topic: half.topic, half.fields, at: header.halfPhysicalOffset) else {
            throw Refusal(.systemError, "no half message begins at \(header.halfPhysicalOffset) in the log")
        }
    }

    private func write(_ half: HalfMessage) throws(Refusal) {
        // It may have waited for a worker.
        loop.refresh()
        let (transactions, reply, offset, origin) = (transactions, reply, half.fields.queueOffset, half.origin)
        let completion = WriteCompletion.call { outcome in
            switch outcome {
            case .stored:
                transactions.end(offset, origin: origin, isStored: true)
                reply.complete(.response(.success))
            case .failed(let refusal):
                transactions.end(offset, origin: origin, isStored: false)
                transactions.logger.warning("the end of half message \(offset) is not stored: \(refusal.remark)")
                reply.complete(.response(to: refusal))
            }
        }
        if header.decision == .commit {
            try loop.transactions.commit(half, completion: completion)
        } else {
            try loop.transactions.rollBack(half, completion: completion)
        }
    }

    private func attempt(_ body: () throws(Refusal) -> Void) {
        do throws(Refusal) {
            try body()
        } catch {
            transactions.logger.warning(
                "half message \(header.halfQueueOffset) at \(header.halfPhysicalOffset) of group \(header.producerGroup.prefix(bytes: 255)) "
                    + "is not ended: \(error.remark)")
            reply.complete(.response(to: error))
        }
    }
}
