import RMQCommon
import RMQRemoting
import Synchronization

/// Asks connected clients on behalf of others. What waits for a client holds no thread, and how much may wait is bounded.
///
///     loop or worker ─► ask ─► the client's loop ─► client
///      completion ◄──────────────────┘ ◄── its answer, the end of its patience, or of the connection
final class ClientCalls: Sendable {
    /// How long a client may take to answer; as at the reference, whose tools wait for it.
    static let patience: Duration = .seconds(10)
    /// Calls that wait for all clients together: some thousands a second, each as long as ``patience`` allows.
    static let callLimit = 65_536
    /// What their frames hold meanwhile: sixteen replies of the greatest length, or tens of thousands of usual ones.
    static let byteLimit = 64 << 20
    /// The part of both that waits for one client: one that never answers must not stop the calls of others.
    static let clientShare = 4

    private struct Load {
        var calls = 0
        var bytes = 0

        func hasRoom(for byteCount: Int, share: Int) -> Bool {
            calls < callLimit / share && (bytes == 0 || bytes + byteCount <= byteLimit / share)
        }

        mutating func add(_ sign: Int, _ byteCount: Int) {
            calls += sign
            bytes += sign * byteCount
        }
    }

    private struct Waiting {
        var all = Load()
        /// By connection; those that wait for none are left out.
        var clients: [UInt64: Load] = [:]
    }

    private let waiting = Mutex(Waiting())

    /// Sends `command` to the client.
    /// - Parameter completion: called once, with the answer or with why there is none, on a loop; must not block.
    /// - Throws: when too much waits already; `completion` is not called then.
    func ask(
        _ client: ClientChannel, _ command: RemotingCommand, within patience: Duration = patience,
        completion: @escaping @Sendable (Result<RemotingCommand, RemotingError>) -> Void
    ) throws(Refusal) {
        let byteCount = command.heldBytes
        let id = client.connection.id
        let hasRoom = waiting.withLock { waiting in
            let own = waiting.clients[id] ?? Load()
            guard waiting.all.hasRoom(for: byteCount, share: 1), own.hasRoom(for: byteCount, share: Self.clientShare) else { return false }
            waiting.all.add(1, byteCount)
            waiting.clients[id, default: Load()].add(1, byteCount)
            return true
        }
        guard hasRoom else {
            throw .overloaded("\(Self.callLimit) calls or \(Self.byteLimit >> 20) MiB, or 1/\(Self.clientShare) of it for one client, wait for answers")
        }
        client.connection.request(command, timeout: patience) { [self] result in
            ended(id, byteCount)
            completion(result)
        }
    }

    private func ended(_ id: UInt64, _ byteCount: Int) {
        waiting.withLock { waiting in
            waiting.all.add(-1, byteCount)
            waiting.clients[id]?.add(-1, byteCount)
            if waiting.clients[id]?.calls == 0 { waiting.clients[id] = nil }
        }
    }
}

extension RemotingCommand {
    /// What the command takes while it waits, but for what every one takes.
    fileprivate var heldBytes: Int { body.count + (fields?.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count } ?? 0) }
}
