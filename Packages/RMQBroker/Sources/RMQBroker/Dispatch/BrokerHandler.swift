import RMQCommon
import RMQRemoting

/// Where every request of a broker arrives: one per loop and port, on the loop's thread.
///
///     access control ─► BrokerRequests ─┬► SendProcessor ──┐
///                                       ├► PullProcessor ──┤ answered in the same wake-up, or when it is durable, a message
///                                       ├► ReplyProcessor ─┤ comes, or another client has answered
///                                       ├► on the loop ────┘
///                                       └► by a worker ────► answered from there
final class BrokerHandler: RequestHandler {
    private let broker: BrokerState
    private let bound: LoopBound<LoopState>
    /// The fast port serves everything but pulls, so that sends need not queue behind them.
    private let servesPulls: Bool
    /// Longest body of a request that is answered on the loop: what reads it takes some 10 ms, and no other connection is served meanwhile.
    private static let loopBodyLimit = 1 << 20

    init(broker: BrokerState, bound: LoopBound<LoopState>, servesPulls: Bool) {
        self.broker = broker
        self.bound = bound
        self.servesPulls = servesPulls
    }

    func receive(_ request: InboundFrame, on connection: Connection) {
        let loop = bound.value
        loop.refresh()
        if connection.waitedNanoseconds >= loop.settings.patience.shortestNanoseconds, isTooLate(request, connection, loop) { return }
        if let access = loop.access, !isAllowed(request, connection, access) { return }
        switch BrokerRequests.table.work(of: request.requestCode) {
        case .send: SendProcessor(loop: loop).receive(request, on: connection)
        case .reply: ReplyProcessor(loop: loop).receive(request, on: connection)
        case .pull where servesPulls: PullProcessor(loop: loop).receive(request, on: connection)
        case .onLoop(let answer):
            connection.answer(request) {
                try checkAdministration(request, connection, loop)
                guard request.body.count <= Self.loopBodyLimit else {
                    throw Refusal(.systemError, "a body of \(request.body.count) bytes; that of \(request.requestCode) may have \(Self.loopBodyLimit)")
                }
                return try answer(request.command(), ClientCaller(connection: connection, loop: loop))
            }
        case .byWorker(let answer):
            connection.answer(request) {
                try checkAdministration(request, connection, loop)
                logChange(request.requestCode, by: connection)
                let command = try request.command()
                return .elsewhere(broker.workers.administrators) { [broker] in try answer(command, broker) }
            }
        case .pull, .forNameServers, .forClients, .unserved, nil:
            connection.answer(request) { throw Refusal(.requestCodeNotSupported, BrokerRequests.remark(for: request.requestCode)) }
        }
    }

    private func checkAdministration(_ request: InboundFrame, _ connection: Connection, _ loop: LoopState) throws(Refusal) {
        guard BrokerRequests.table.isAdministration(request.requestCode) else { return }
        try loop.settings.configuration.listener.checkAdministration(request.requestCode, from: connection.remote, accessControl: broker.accessControl)
    }

    /// Who changed what, in the reference's words.
    private func logChange(_ code: RequestCode, by connection: Connection) {
        let change: String
        switch code {
        case .updateAndCreateTopic: change = "updateAndCreateTopic"
        case .deleteTopicInBroker: change = "deleteTopic"
        case .updateAndCreateSubscriptiongroup: change = "updateAndCreateSubscriptionGroup"
        case .deleteSubscriptiongroup: change = "deleteSubscriptionGroup"
        case .cloneGroupOffset: change = "cloneGroupOffset"
        case .cleanUnusedTopic: change = "cleanUnusedTopic"
        case .cleanExpiredConsumequeue: change = "cleanExpiredConsumeQueue"
        case .deleteExpiredCommitlog: change = "deleteExpiredCommitLog"
        default: return
        }
        broker.clients.log.info("\(change) called by \(connection.remote)")
    }

    /// A request that waited too long is answered here.
    private func isTooLate(_ request: InboundFrame, _ connection: Connection, _ loop: LoopState) -> Bool {
        let waited = connection.waitedNanoseconds
        guard let refusal = loop.settings.patience.refusal(of: request.requestCode, waitedNanoseconds: waited) else { return false }
        connection.answer(request) { throw refusal }
        return true
    }

    func connectionClosed(_ connection: Connection) {
        bound.value.holds.connectionClosed()
        broker.clients.connectionClosed(connection.id)
    }

    func wakeUpEnded() { bound.value.wakeUpEnded() }

    /// Asks access control; a refusal is answered here.
    private func isAllowed(_ request: InboundFrame, _ connection: Connection, _ access: any LoopAccess) -> Bool {
        do {
            try access.check(request, needing: BrokerRequests.table.access(to: request.requestCode), from: connection.remote)
            return true
        } catch {
            connection.answer(request) { throw error }
            return false
        }
    }
}
