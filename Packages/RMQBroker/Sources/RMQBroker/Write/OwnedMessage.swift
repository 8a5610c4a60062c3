import RMQCommon
import RMQRemoting
import RMQStore

/// A message with its own bytes, which another thread than the one that made it writes, or which is written later.
struct OwnedMessage: Sendable {
    var topic: String
    /// One of the topic's; a negative one lets the writer choose.
    var queueId: Int32
    var body: [UInt8]
    /// A ``PropertyText``.
    var properties: [UInt8]
    var flag: Int32 = 0
    var systemFlag: Int32 = 0
    /// In milliseconds since 1970.
    var bornTimestamp: Int64
    var bornHost: HostAddress
    var reconsumeTimes: Int32 = 0
    var preparedTransactionOffset: Int64 = 0
    /// As in ``NewMessage``.
    var ignoresDelay = false

    /// A message of the broker's own.
    init(topic: String, queueId: Int32, body: [UInt8], properties: [UInt8], bornTimestamp: Int64, bornHost: HostAddress) {
        self.topic = topic
        self.queueId = queueId
        self.body = body
        self.properties = properties
        self.bornTimestamp = bornTimestamp
        self.bornHost = bornHost
    }

    /// Writes it. On the loop only.
    /// - Throws: why it cannot be stored; `completion` does not hear of that.
    func write(on loop: LoopState, completion: WriteCompletion) throws(Refusal) {
        loop.refresh()
        guard let route = loop.routes.topic(named: topic) else { throw .unknownTopic(topic) }
        try body.withBytes { (body) throws(Refusal) in
            try properties.withBytes { (properties) throws(Refusal) in
                var message = NewMessage(body: body, properties: properties, bornTimestamp: bornTimestamp, bornHost: bornHost)
                message.flag = flag
                message.systemFlag = systemFlag
                message.reconsumeTimes = reconsumeTimes
                message.preparedTransactionOffset = preparedTransactionOffset
                message.ignoresDelay = ignoresDelay
                try loop.writer.write(message, to: route, queueId: queueId, completion: completion)
            }
        }
    }
}

extension LoopSet {
    /// Has the first loop write a message: what one thread hands over is appended in that order.
    /// - Parameter completion: called on the loop, or at once when no loop runs.
    func write(_ message: OwnedMessage, completion: @escaping @Sendable (WriteOutcome) -> Void) {
        guard let first = all.first else { return completion(.failed(Refusal(.serviceNotAvailable, "the broker is stopping"))) }
        first.post { loop in
            do throws(Refusal) {
                try message.write(on: loop, completion: .call(completion))
            } catch {
                completion(.failed(error))
            }
        }
    }
}
