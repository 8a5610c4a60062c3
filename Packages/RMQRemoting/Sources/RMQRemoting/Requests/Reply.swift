public import RMQCommon

/// What a request ends in. Every request may use all three; sends and pulls, the hot ones, use none of them.
///
///     now        the answer is known: it is in the output of this wake-up
///     later      a sync, a replica, a message that arrives, a timer or a peer completes it, from whatever thread
///     elsewhere  a worker finds it, because that may block
public enum Reply {
    case now(RemotingCommand)
    /// Called at once, with what has to be completed: its holder owes the answer. Sends and pulls wait without it; they
    /// keep the connection and the ticket, and write their answers on the connection's loop without an encoded command.
    case later((ReplyHandle) -> Void)
    /// Done by a thread of the pool; what it throws is answered like what a handler throws. When too much waits for the pool,
    /// the answer is ``ResponseCode/systemBusy``.
    case elsewhere(WorkerPool, @Sendable () throws -> Reply)

    /// An answer that is known, without header fields.
    public static func response(_ code: ResponseCode, remark: String? = nil, body: [UInt8] = []) -> Reply {
        .now(.response(code, remark: remark, body: body))
    }

    /// An answer that is known, with a typed header.
    public static func response(_ code: ResponseCode, remark: String? = nil, header: some CommandHeader, body: [UInt8] = []) -> Reply {
        .now(.response(code, remark: remark, header: header, body: body))
    }
}

extension Connection {
    /// Carries out what `body` decides on `request`, at once or later. Errors become answers.
    public func answer(_ request: InboundRequest, _ body: () throws -> Reply) {
        do {
            switch try body() {
            case .now(let command): reply(command, to: request)
            case .later(let begin): begin(replyHandle(for: request))
            case .elsewhere(let pool, let work): replyHandle(for: request).complete(by: pool, holding: request.header.count + request.body.count, work)
            }
        } catch {
            reply(.response(to: error), to: request)
        }
    }
}

extension ReplyHandle {
    /// Has a worker find the answer.
    /// - Parameter byteCount: what the request takes while it waits.
    func complete(by pool: WorkerPool, holding byteCount: Int, _ work: @escaping @Sendable () throws -> Reply) {
        let isTaken = pool.run(holding: byteCount) {
            do {
                switch try work() {
                case .now(let command): complete(command)
                case .later(let begin): begin(self)
                case .elsewhere(let pool, let work): complete(by: pool, holding: byteCount, work)
                }
            } catch {
                complete(.response(to: error))
            }
        }
        guard !isTaken else { return }
        complete(.response(.systemBusy, remark: "[OVERLOAD]\(pool.limits) wait for the \(pool.name) threads, the limit; try again later"))
    }
}
