import RMQCommon
import RMQRemoting
import Synchronization

/// The requests of a client that wait for their replies, by correlation id.
final class ReplyTable: Sendable {
    /// Most requests that wait at once. The reference's number.
    static let mostWaiting = 65_535

    private let waiting = Mutex<[ByteText: ReplyWaiter]>([:])

    /// Enters a request.
    func add(_ correlationId: String) throws(ClientError) -> ReplyWaiter {
        let waiter = ReplyWaiter()
        let isAdded = waiting.withLock { waiting in
            guard waiting.count < Self.mostWaiting else { return false }
            waiting[correlationId] = waiter
            return true
        }
        guard isAdded else { throw ClientError(.overloaded, "\(Self.mostWaiting) requests wait for replies already; send less at once") }
        return waiter
    }

    func remove(_ correlationId: String) { waiting.withLock { _ = $0.removeValue(forKey: correlationId) } }

    var count: Int { waiting.withLock { $0.count } }

    func failAll(_ error: ClientError) {
        let all = waiting.withLock { waiting in
            defer { waiting = [:] }
            return Array(waiting.values)
        }
        for waiter in all { waiter.finish(.failure(error)) }
    }

    /// Takes a reply. The broker is answered well also when nobody waits for it any more.
    func receive(_ request: ServerRequests.Request, logger: Logger) -> RemotingCommand {
        let reply: StoredMessage
        do {
            reply = try StoredMessage(pushed: request.command)
        } catch {
            logger.warning("a reply from \(request.server) cannot be read: \(error)")
            return .response(.systemError, remark: "process reply message fail: \(error)")
        }
        let waiter = reply.properties[PropertyName.correlationId].flatMap { id in waiting.withLock { $0.removeValue(forKey: id) } }
        if let waiter {
            waiter.finish(.success(reply))
        } else {
            logger.info("nobody waits for the reply \(reply.properties[PropertyName.correlationId] ?? "without a correlation id") of \(reply.bornHost)")
        }
        return .response(.success)
    }
}

/// Joins a reply with the task that waits for it, whichever comes first. Only the first outcome counts.
final class ReplyWaiter: Sendable {
    typealias Outcome = Result<StoredMessage, ClientError>

    private enum State {
        case open
        case waiting(CheckedContinuation<Outcome, Never>)
        case finished(Outcome)
    }

    private let state = Mutex(State.open)

    func finish(_ outcome: Outcome) {
        let continuation: CheckedContinuation<Outcome, Never>? = state.withLock { state in
            switch state {
            case .open:
                state = .finished(outcome)
                return nil
            case .waiting(let continuation):
                state = .finished(outcome)
                return continuation
            case .finished: return nil
            }
        }
        continuation?.resume(returning: outcome)
    }

    /// The outcome. One task may wait.
    func outcome() async -> Outcome {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let known: Outcome? = state.withLock { state in
                    if case .finished(let outcome) = state { return outcome }
                    state = .waiting(continuation)
                    return nil
                }
                if let known { continuation.resume(returning: known) }
            }
        } onCancel: {
            finish(.failure(ClientError(.cancelled, "the task was cancelled while it waited for a reply")))
        }
    }
}

extension StoredMessage {
    /// A reply as a broker passes it on: 326.
    init(pushed command: RemotingCommand) throws {
        let header = try command.header(ReplyPushHeader.self)
        let flag = SystemFlag(rawValue: header.systemFlag)
        var body = command.body
        if flag.contains(.compressed) {
            body = try body.withUnsafeBytes { try BodyCompression.restore($0, flag: flag, limit: MessageRecord.decompressedLimit) }
        }
        self.init(
            topic: header.topic, body: body, properties: MessageProperties(decoding: Array((header.properties ?? "").utf8)),
            queueId: header.queueId, flag: header.flag, systemFlag: flag, bornTimestamp: header.bornTimestamp,
            bornHost: HostAddress(header.bornHost) ?? .unspecified, storeTimestamp: header.storeTimestamp,
            storeHost: HostAddress(header.storeHost) ?? .unspecified, reconsumeTimes: header.reconsumeTimes ?? 0)
        properties[PropertyName.arriveTime] = String(WallClock.nowMilliseconds())
    }
}
