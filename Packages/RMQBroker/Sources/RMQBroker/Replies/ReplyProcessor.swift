import RMQCommon
import RMQRemoting
import RMQStore

/// Takes replies: codes 324 and 325. A reply is a message that goes to the one client that asked, at once, and perhaps into the
/// store as well.
///
///     header ─► may this be sent? (SendRules) ─┬─► push (326) to the connection of the client named REPLY_TO_CLIENT ─┐
///                                              └─► MessageWriter, if `storeReplyMessageEnable` ─────────────────────┴─► ReplyAnswer
///
/// Replies of one connection reach a client in the order in which they came. Nothing here waits for the client.
struct ReplyProcessor {
    let loop: LoopState

    func receive(_ request: InboundFrame, on connection: Connection) {
        do {
            let command = try request.command()
            let header: SendMessageHeader
            if request.code == RequestCode.sendReplyMessage.rawValue {
                header = try command.header(SendMessageHeader.self)
            } else {
                header = try command.header(SendMessageHeaderV2.self).message
            }
            try take(header, body: command.body, request.ticket, connection)
        } catch {
            loop.answers.refuse(connection, request.ticket, error as? Refusal ?? Refusal(.systemError, "\(error)"))
        }
    }

    private func take(_ header: SendMessageHeader, body: [UInt8], _ ticket: ReplyTicket, _ connection: Connection) throws(Refusal) {
        let topic = try SendRequest.with(header) { request in
            Result { () throws(Refusal) in
                let rules = SendRules(loop: loop)
                let topic = try rules.topic(of: request, from: connection.remote)
                try rules.check(request, topic)
                return topic
            }
        }.get()
        let reply = IncomingReply(
            header: header, queueId: header.queueId >= 0 ? header.queueId : .random(in: 0..<max(topic.config.writeQueueCount, 1)),
            properties: Array((header.properties ?? "").utf8), body: body, bornHost: connection.remote)
        let isStored = loop.settings.configuration.storeReplyMessage
        let answer = ReplyAnswer(connection, ticket, queueId: reply.queueId, isStored: isStored, loop)
        push(reply, answer)
        if isStored { store(reply, in: topic, answer) }
    }

    /// A reply as it came, but for the queue, which is chosen.
    private struct IncomingReply {
        let header: SendMessageHeader
        let queueId: Int32
        let properties: [UInt8]
        let body: [UInt8]
        let bornHost: HostAddress
    }

    // MARK: To the client

    private func push(_ reply: IncomingReply, _ answer: ReplyAnswer) {
        let client = reply.properties.withUnsafeBytes { properties in
            PropertyText.value("REPLY_TO_CLIENT", in: properties).map { String(decoding: $0, as: UTF8.self) }
        }
        guard let client else { return answer.pushed("reply message properties[REPLY_TO_CLIENT] is null") }
        let name = client.prefix(bytes: 255)
        guard let channel = loop.broker.clients.producers.channel(of: client) else {
            return answer.pushed("push reply message fail, channel of <\(name)> not found.")
        }
        let bound = LoopBound(answer, loop: loop.loop)
        do throws(Refusal) {
            try loop.broker.clients.calls.ask(channel, RemotingCommand(.pushReplyMessageToClient, header: pushHeader(reply), body: reply.body)) { result in
                let failure: String? = switch result {
                case .success(let answer) where answer.responseCode == .success: nil
                case .success(let answer): "push reply message to \(name) fail. It answered \(answer.responseCode): \(answer.remark ?? "")"
                case .failure(let error): "push reply message to \(name) fail. \(error)"
                }
                bound.post { $0.pushed(failure) }
            }
        } catch {
            answer.pushed("push reply message to \(name) fail. \(error.remark)")
        }
    }

    private func pushHeader(_ reply: IncomingReply) -> ReplyPushHeader {
        let now = loop.loop.wallMilliseconds
        let properties = reply.properties.withUnsafeBytes { PropertyText.replacing([(PropertyName.pushReplyTime, String(now))], in: $0) }
        let header = reply.header
        return ReplyPushHeader {
            $0.producerGroup = header.producerGroup ?? ""
            $0.topic = header.topic
            $0.defaultTopic = header.defaultTopic ?? ""
            $0.defaultTopicQueueCount = header.defaultTopicQueueCount ?? 0
            $0.queueId = header.queueId
            $0.systemFlag = header.systemFlag
            $0.bornTimestamp = header.bornTimestamp
            $0.flag = header.flag
            $0.properties = String(decoding: properties, as: UTF8.self)
            $0.reconsumeTimes = header.reconsumeTimes
            $0.unitMode = header.unitMode
            $0.bornHost = reply.bornHost.description
            $0.storeHost = loop.settings.storeHost.description
            $0.storeTimestamp = now
        }
    }

    // MARK: To the store

    private func store(_ reply: IncomingReply, in topic: LoopTopic, _ answer: ReplyAnswer) {
        do throws(Refusal) {
            try reply.body.withBytes { (body) throws(Refusal) in
                try reply.properties.withBytes { (properties) throws(Refusal) in
                    var message = NewMessage(
                        body: body, properties: properties, bornTimestamp: reply.header.bornTimestamp, bornHost: reply.bornHost)
                    message.flag = reply.header.flag
                    // The reference stores 0, so that whoever reads a compressed reply later cannot tell. Only what would take the
                    // message out of its queue is left out here.
                    var systemFlag = SystemFlag(rawValue: reply.header.systemFlag)
                    systemFlag.transactionKind = .none
                    message.systemFlag = systemFlag.rawValue
                    message.reconsumeTimes = reply.header.reconsumeTimes ?? 0
                    message.isSent = true
                    try loop.writer.write(message, to: topic, queueId: reply.queueId, completion: .call { answer.written($0) })
                }
            }
        } catch {
            answer.written(.failed(error))
        }
    }
}
