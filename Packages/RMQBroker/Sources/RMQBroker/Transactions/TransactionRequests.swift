import RMQCommon
import RMQRemoting
import RMQStore

/// Codes 37 and 323: what becomes of half messages.
enum TransactionRequests {
    static func end(_ command: RemotingCommand, _ caller: ClientCaller) throws -> Reply {
        let header = try command.header(EndTransactionHeader.self)
        guard caller.broker.store.role == .master else {
            throw Refusal(.slaveNotAvailable, "this broker is a slave, where no transaction ends; its master does that")
        }
        if header.decision == .unknown {
            caller.broker.transactions.logger.info(
                "producer \(caller.connection.remote) of group \(header.producerGroup.prefix(bytes: 255)) does not know yet what becomes of half message "
                    + "\(header.halfQueueOffset), fromTransactionCheck=\(header.answersCheck), remark=\(command.remark?.prefix(bytes: 255) ?? "")")
            // Which is not answered.
            return .later { _ in }
        }
        return .later { reply in TransactionEnd(header: header, loop: caller.loop, reply: reply).begin() }
    }

    /// Asks once more about a half message that was given up. By a worker.
    static func resumeCheck(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        let text = try command.header(ResumeCheckHeader.self).messageId
        guard let text, let id = OffsetMessageId(text) else {
            throw Refusal(.systemError, "msgId \"\(text?.prefix(bytes: 64) ?? "")\" is not the offset id of a message")
        }
        guard broker.store.role == .master else { throw Refusal(.systemError, "this broker is a slave, which asks about no transaction") }
        guard let record = broker.store.record(at: id.physicalOffset), let half = HalfMessage(record.bytes),
            broker.store.isInQueue(topic: half.topic, half.fields, at: id.physicalOffset)
        else {
            throw Refusal(.systemError, "there is no message with the id \(id)")
        }
        let places = [SystemTopic.transactionCheckExceeded, SystemTopic.transactionHalf]
        guard places.contains(where: { half.topic.isExactly($0) }) else {
            throw Refusal(.systemError, "message \(id) is in neither \(places[0]) nor \(places[1]), so it waits for no end of a transaction")
        }
        let copy = half.topic.isExactly(SystemTopic.transactionHalf) ? half.copy(checkTimes: 0) : half.resumed
        let isGivenUp = half.topic.isExactly(SystemTopic.transactionCheckExceeded)
        if isGivenUp ? half.firstQueueOffset.map(broker.transactions.isFinished(origin:)) ?? false : broker.transactions.isFinished(half) {
            throw Refusal(.systemError, "the transaction of message \(id) has ended")
        }
        broker.addTransactionTopics()
        return .later { reply in
            broker.loops.write(copy) { outcome in
                switch outcome {
                case .stored: reply.complete(.response(.success))
                case .failed(let refusal): reply.complete(.response(to: refusal))
                }
            }
        }
    }
}
