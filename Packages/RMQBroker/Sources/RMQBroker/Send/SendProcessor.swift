import RMQCommon
import RMQRemoting
import RMQStore

/// Takes messages from producers: codes 10, 310 and 320.
///
///     header slices ─► may this producer send that? (SendRules) ─► MessageWriter ─► answer in the output buffer
///
/// Everything happens on the loop, without allocation once the topic is known. The body counts as a batch by the header's
/// field alone, not by the code, as at the reference.
struct SendProcessor {
    let loop: LoopState

    func receive(_ request: InboundFrame, on connection: Connection) {
        if let fields = SendFields(request) {
            send(SendRequest(fields), request, connection)
            return
        }
        do {
            let command = try request.command()
            let header: SendMessageHeader
            if request.code == RequestCode.sendMessage.rawValue {
                header = try command.header(SendMessageHeader.self)
            } else {
                header = try command.header(SendMessageHeaderV2.self).message
            }
            SendRequest.with(header) { send($0, request, connection) }
        } catch {
            loop.answers.refuse(connection, request.ticket, Refusal(.systemError, "\(error)"))
        }
    }

    private func send(_ request: SendRequest, _ inbound: InboundFrame, _ connection: Connection) {
        do throws(Refusal) {
            let rules = SendRules(loop: loop)
            let topic = try rules.topic(of: request, from: connection.remote)
            let message = message(request, inbound.body, connection)
            try rules.check(request, topic)
            let deadLetterGroup = try rules.deadLetterGroup(of: request, to: topic, clientVersion: inbound.version)
            try rules.checkTransaction(request, message)
            let completion = inbound.ticket.isOneway ? WriteCompletion.none : .send(connection, inbound.ticket)
            if let deadLetterGroup {
                try writeDeadLetter(message, of: deadLetterGroup, instead: topic, request.queueId, completion)
            } else if message.received.isTransactional, !request.isBatch {
                try loop.transactions.write(half: message, of: topic, queueId: request.queueId, completion: completion)
            } else {
                try loop.writer.write(message, to: topic, queueId: request.queueId, completion: completion)
            }
        } catch {
            loop.answers.refuse(connection, inbound.ticket, error)
        }
    }

    /// It is a dead letter at once. The reference lets it wait for the delay level that it was sent with, which it means to clear.
    private func writeDeadLetter(
        _ message: NewMessage, of group: String, instead topic: LoopTopic, _ queueId: Int32, _ completion: WriteCompletion
    ) throws(Refusal) {
        let deadLetters = try loop.deadLetterTopic(ofGroup: group)
        let toldQueueId = loop.writer.chosenQueue(queueId, of: topic)
        let properties = PropertyText.replacing([(PropertyName.delayLevel, "0")], in: message.properties)
        try properties.withBytes { (properties) throws(Refusal) in
            try loop.writer.write(
                message.with(properties: properties), to: deadLetters, queueId: 0, telling: toldQueueId, completion: completion)
        }
    }

    private func message(_ request: SendRequest, _ body: UnsafeRawBufferPointer, _ connection: Connection) -> NewMessage {
        var message = NewMessage(
            body: body, properties: request.properties, bornTimestamp: request.bornTimestamp, bornHost: connection.remote)
        message.addedProperties = loop.settings.sentProperties
        message.flag = request.flag
        message.systemFlag = request.systemFlag
        message.reconsumeTimes = request.reconsumeTimes
        message.isBatch = request.isBatch
        message.isSent = true
        return message
    }
}
