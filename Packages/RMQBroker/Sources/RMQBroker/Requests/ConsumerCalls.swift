import RMQCommon
import RMQRemoting
import RMQStore
import Synchronization

/// Codes 223, 307 and 309: what only consumers themselves can say or do.
enum ConsumerCalls {
    /// Code 307: what a consumer is doing, with its stacks if the request says so.
    static func runningInfo(_ command: RemotingCommand, _ caller: ClientCaller) throws -> Reply {
        let header = try command.header(ConsumerRunningInfoHeader.self)
        let call = try Relay(of: command, to: header.clientId, of: header.consumerGroup, caller.broker)
        return .later { call.run(for: $0) }
    }

    /// Code 309: has a consumer take one message at once, which the broker adds to the request.
    static func consumeDirectly(_ command: RemotingCommand, _ caller: ClientCaller) throws -> Reply {
        let header = try command.header(ConsumeDirectlyHeader.self)
        var call = try Relay(of: command, to: header.clientId, of: header.consumerGroup, caller.broker)
        let text = (header.messageId ?? "null").prefix(bytes: 64)
        guard let id = header.messageId.flatMap({ OffsetMessageId($0) }) else { throw Refusal(.systemError, "msgId[\(text)] is no offset message id") }
        call.command.fields?[ConsumeDirectlyHeader.brokerNameField] = caller.loop.settings.configuration.brokerName
        let (loop, relay) = (caller.loop, call)
        return .later { reply in
            do throws(Refusal) {
                try loop.readRecord(at: id.physicalOffset) { record in
                    guard let record else { return reply.complete(.response(.systemError, remark: "can not find message by the id, \(text)")) }
                    var relay = relay
                    relay.command.body = [UInt8](record.bytes)
                    relay.run(for: reply)
                }
            } catch {
                reply.complete(.response(to: error))
            }
        }
    }

    /// Code 223: asks the members of a group, all at once, how far they are. Those that do not answer are left out.
    static func status(_ command: RemotingCommand, _ caller: ClientCaller) throws -> Reply {
        let header = try command.header(ConsumerStatusHeader.self)
        let broker = caller.broker
        guard let members = broker.clients.consumers[header.group]?.channels.values, !members.isEmpty else {
            throw Refusal(.systemError, "No Any Consumer online in the consumer group: [\(header.group.prefix(bytes: 255))]")
        }
        for member in members { try member.requireOffsetCalls() }
        let wanted = header.clientId.flatMap { $0.isBlank ? nil : $0 }
        let asked = members.filter { wanted == nil || $0.clientId.isExactly(wanted ?? "") }
        let question = RemotingCommand(.getConsumerStatusFromClient, header: ConsumerStatusHeader {
            $0.topic = header.topic
            $0.group = header.group
        })
        return .later { reply in
            let gathering = StatusGathering(of: asked.count, for: header, reply, broker)
            for member in asked { gathering.ask(member, question) }
        }
    }
}

/// A request that one consumer answers in the broker's place: what it says is handed on as it is.
private struct Relay: Sendable {
    var command: RemotingCommand
    private let client: ClientChannel
    private let group: String
    private let calls: ClientCalls

    /// - Throws: when the client is not connected, or too old to understand.
    init(of command: RemotingCommand, to clientId: String, of group: String, _ broker: BrokerState) throws(Refusal) {
        let (shortGroup, shortId) = (group.prefix(bytes: 255), clientId.prefix(bytes: 255))
        guard let client = broker.clients.consumers[group]?.channel(of: clientId) else {
            throw Refusal(.systemError, "The Consumer <\(shortGroup)> <\(shortId)> not online")
        }
        let version = ProtocolVersion(ordinal: client.version)
        guard version >= .v3_1_8Snapshot else {
            throw Refusal(.systemError, "The Consumer <\(shortId)> Version <\(version)> too low to finish, please upgrade it to V3_1_8_SNAPSHOT")
        }
        self.command = RemotingCommand(code: command.code, fields: command.fields, body: command.body)
        self.client = client
        self.group = shortGroup
        calls = broker.clients.calls
    }

    func run(for reply: ReplyHandle) {
        do throws(Refusal) {
            let name = "<\(group)> <\(client.clientId)>"
            try calls.ask(client, command) { result in
                switch result {
                case .success(let answer): reply.complete(answer)
                case .failure(let error):
                    if case .timedOut = error {
                        reply.complete(.response(.consumeMsgTimeout, remark: "consumer \(name) Timeout: \(error)"))
                    } else {
                        reply.complete(.response(.systemError, remark: "invoke consumer \(name) Exception: \(error)"))
                    }
                }
            }
        } catch {
            reply.complete(.response(to: error))
        }
    }
}

/// The answers to code 221 of several consumers, which become one answer to 223 when the last of them is known.
private final class StatusGathering: Sendable {
    /// How long one of them may take, as at the reference, which asks them one after another.
    private static let patience: Duration = .seconds(5)
    /// What all of them may say: our own answer has to fit into a frame.
    private static let byteLimit = 8 << 20

    private struct State {
        var missing: Int
        var bodies: [(clientId: String, body: [UInt8])] = []
        var byteCount = 0
    }

    private let state: Mutex<State>
    private let header: ConsumerStatusHeader
    private let reply: ReplyHandle
    private let broker: BrokerState

    init(of count: Int, for header: ConsumerStatusHeader, _ reply: ReplyHandle, _ broker: BrokerState) {
        state = Mutex(State(missing: count))
        self.header = header
        self.reply = reply
        self.broker = broker
        if count == 0 { finish([]) }
    }

    func ask(_ member: ClientChannel, _ question: RemotingCommand) {
        do throws(Refusal) {
            try broker.clients.calls.ask(member, question, within: Self.patience) { [self] result in
                switch result {
                case .success(let answer) where answer.responseCode == .success: add(answer.body, of: member)
                case .success(let answer): leaveOut(member, "it answered \(answer.responseCode) \(answer.remark ?? "")")
                case .failure(let error): leaveOut(member, "\(error)")
                }
            }
        } catch {
            leaveOut(member, error.remark)
        }
    }

    private func leaveOut(_ member: ClientChannel, _ reason: String) {
        broker.logger.warning(
            "[get-consumer-status] get consumer status exception. topic=\(header.topic), group=\(header.group), clientId=\(member.clientId), error=\(reason)")
        add([], of: member)
    }

    /// - Parameter body: empty for a member that is left out.
    private func add(_ body: [UInt8], of member: ClientChannel) {
        let all = state.withLock { state -> [(clientId: String, body: [UInt8])]? in
            state.missing -= 1
            if !body.isEmpty, state.byteCount + body.count <= Self.byteLimit {
                state.byteCount += body.count
                state.bodies.append((member.clientId, body))
            }
            return state.missing == 0 ? state.bodies : nil
        }
        if let all { finish(all) }
    }

    /// Reads what they said by a worker: it may be long.
    private func finish(_ bodies: [(clientId: String, body: [UInt8])]) {
        let isTaken = broker.workers.administrators.run { [self] in
            var status = ConsumerStatus()
            for (clientId, body) in bodies {
                do {
                    status.clients[clientId] = try ConsumerStatus(body: body).queues
                } catch {
                    broker.logger.warning("[get-consumer-status] what \(clientId) of group \(header.group) answers cannot be read: \(error)")
                }
            }
            reply.complete(.response(.success, body: status.body))
        }
        if !isTaken { reply.complete(.response(to: Refusal.overloaded(broker.workers.administrators))) }
    }
}

extension ConsumerGroup {
    /// The connection of a client; of several with one id the one that was heard of last.
    func channel(of clientId: String) -> ClientChannel? {
        channels.values.filter { $0.clientId.isExactly(clientId) }.max { $0.lastUpdate < $1.lastUpdate }
    }
}

extension ClientChannel {
    /// Throws unless the client can be asked for its offsets and be given others.
    func requireOffsetCalls() throws(Refusal) {
        let version = ProtocolVersion(ordinal: version)
        guard version >= .v3_0_7Snapshot else { throw Refusal(.systemError, "the client does not support this feature. version=\(version)") }
    }
}
