import RMQCommon
import RMQRemoting

/// Where every request of a broker arrives: one per loop and port, on the loop's thread.
///
///     RequestTable ─┬► SendProcessor ──┐
///                   ├► PullProcessor ──┤ answered in the same wake-up, or when a promise holds or a message comes
///                   ├► on the loop ────┘
///                   └► by a worker ────► answered from there
final class BrokerHandler: RequestHandler {
    private let broker: BrokerState
    private let bound: LoopBound<LoopState>
    /// The fast port serves everything but pulls, so that sends need not queue behind them.
    private let servesPulls: Bool

    init(broker: BrokerState, bound: LoopBound<LoopState>, servesPulls: Bool) {
        self.broker = broker
        self.bound = bound
        self.servesPulls = servesPulls
    }

    func receive(_ request: InboundRequest, on connection: Connection) {
        let state = bound.value
        state.refresh()
        switch RequestTable.handling(of: request.requestCode) {
        case .send: SendProcessor(state: state).receive(request, on: connection)
        case .pull where servesPulls: PullProcessor(state: state).receive(request, on: connection)
        case .onLoop(let answer):
            withCommand(of: request, on: connection) { command in
                connection.reply(Answer.catching { try answer(command, ClientCaller(connection, broker)) }, to: request)
            }
        case .byWorker(let answer):
            withCommand(of: request, on: connection) { command in answerElsewhere(answer, command, connection.replyHandle(for: request)) }
        case .pull, .unbuilt, .forNameServers, .forClients, nil:
            let remark = RequestTable.remark(for: request.requestCode)
            connection.reply(.response(.requestCodeNotSupported, remark: remark), to: request)
        }
    }

    func connectionClosed(_ connection: Connection) {
        bound.value.holds.connectionClosed()
        broker.producers.connectionClosed(connection.id)
        for group in broker.consumers.connectionClosed(connection.id) {
            broker.notifyMembers(of: group, unlessGroupIsSilent: false)
        }
    }

    func wakeUpEnded() { bound.value.wakeUpEnded() }

    private func withCommand(of request: InboundRequest, on connection: Connection, _ body: (RemotingCommand) -> Void) {
        do {
            body(try request.command())
        } catch {
            connection.reply(.response(.systemError, remark: "\(error)"), to: request)
        }
    }

    private func answerElsewhere(
        _ answer: @escaping @Sendable (RemotingCommand, BrokerState) throws -> RemotingCommand, _ command: RemotingCommand, _ reply: ReplyHandle
    ) {
        let isTaken = broker.administrators.run { [broker] in
            reply.complete(Answer.catching { try answer(command, broker) })
        }
        if !isTaken { reply.complete(.response(.systemBusy, remark: "[OVERLOAD]too many administrative requests at once")) }
    }
}

enum Answer {
    static func catching(_ body: () throws -> RemotingCommand) -> RemotingCommand {
        do { return try body() } catch { return failure(error) }
    }

    private static func failure(_ error: any Error) -> RemotingCommand {
        if let failure = error as? Refusal { return .response(failure.code, remark: failure.remark) }
        return .response(.systemError, remark: "\(error)")
    }
}
