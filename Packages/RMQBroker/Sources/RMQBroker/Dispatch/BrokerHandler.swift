import RMQCommon
import RMQRemoting

/// Where every request of a broker arrives: one per loop and port, on the loop's thread.
///
///     10 310 320 ──► SendProcessor ─┐
///     11 ──────────► PullProcessor ─┤ answered in the same wake-up
///     34 35 14 15 38 41 42 … ───────┘
///     all else ────► AdminRequest, on another thread
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
        switch request.requestCode {
        case .sendMessage, .sendMessageV2, .sendBatchMessage: SendProcessor(state: state).receive(request, on: connection)
        case .pullMessage where servesPulls: PullProcessor(state: state).receive(request, on: connection)
        default: answerCommand(request, on: connection)
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

    private func answerCommand(_ request: InboundRequest, on connection: Connection) {
        let command: RemotingCommand
        do {
            command = try request.command()
        } catch {
            return connection.reply(.response(.systemError, remark: "\(error)"), to: request)
        }
        if let inline = InlineRequest(command.requestCode) {
            let response = Answer.catching { try inline.answer(command, ClientCaller(connection, broker)) }
            return connection.reply(response, to: request)
        }
        guard let admin = AdminRequest(command.requestCode) else {
            let remark = UnservedRequest.remark(for: command.requestCode)
            return connection.reply(.response(.requestCodeNotSupported, remark: remark), to: request)
        }
        let reply = connection.replyHandle(for: request)
        let started = broker.administrators.run { [broker] in
            reply.complete(Answer.catching { try admin.answer(command, broker) })
        }
        if !started {
            connection.reply(.response(.systemBusy, remark: "[OVERLOAD]too many administrative requests at once"), to: request)
        }
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

/// Who asks, and whom.
struct ClientCaller {
    let connection: Connection
    let broker: BrokerState

    init(_ connection: Connection, _ broker: BrokerState) {
        self.connection = connection
        self.broker = broker
    }
}
