import RMQCommon
import RMQRemoting
import Synchronization

/// The transaction producers of a client, by group: who answers the brokers' questions.
final class TransactionProducers: Sendable {
    private let producers = Mutex<[ByteText: TransactionProducer]>([:])

    func add(_ producer: TransactionProducer) { producers.withLock { $0[producer.group] = producer } }
    func remove(_ group: String) { producers.withLock { _ = $0.removeValue(forKey: group) } }
    var all: [TransactionProducer] { producers.withLock { Array($0.values) } }

    /// Topics whose brokers have to know this client although it may not have sent to them: they ask any producer of a group.
    var topics: [String] { all.map(\.producer.configuration.automaticTopicTemplate) }

    /// Hands a broker's question to the producer whose transaction it is about.
    func receive(_ request: ServerRequests.Request, logger: Logger) throws {
        let question = try CheckQuestion(request)
        guard let group = question.group else {
            return logger.warning("\(request.server) asks about message \(question.message.messageId), which names no producer group")
        }
        guard let producer = producers.withLock({ $0[group] }) else {
            return logger.debug("\(request.server) asks about message \(question.message.messageId) of group \(group), which has no transaction producer here")
        }
        producer.receive(question)
    }
}
