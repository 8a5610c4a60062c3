import RMQCommon
import Synchronization

/// The offsets of one group in this client and where they are stored: at the brokers, or in a file when broadcasting.
///
///     settled, polled ─► table ─► persist, every few seconds ─► code 15, or offsets.json
///     a queue is taken ◄─ table, else what is stored
final class GroupOffsets: Sendable {
    /// Longest wait for one broker.
    static let timeout = Duration.seconds(5)

    /// What this consumer knows.
    let table = OffsetTable()
    private let group: String
    private let core: ClientCore
    /// The file of a broadcasting consumer.
    private let path: String?
    /// One call at a time: a value that is on its way must not arrive after a later one, nor after its queue was given up.
    private let gate = SerialGate()

    /// Reads the file of a broadcasting consumer.
    init(group: String, model: ConsumptionModel, core: ClientCore) throws(ClientError) {
        self.group = group
        self.core = core
        switch model {
        case .clustering: path = nil
        case .broadcasting(let directory):
            let path = OffsetFile.path(directory: directory, clientId: core.clientId, group: group)
            for (queue, offset) in try OffsetFile.load(path, logger: core.logger) { table.advance(queue, to: offset) }
            self.path = path
        }
    }

    /// Whether every member has offsets of its own.
    var isLocal: Bool { path != nil }

    /// The group's offset: what this consumer knows, else what is stored; nil when there is none.
    func offset(of queue: MessageQueue) async throws(ClientError) -> Int64? {
        if let known = table[queue] { return known }
        guard !isLocal else { return nil }
        return try await core.committedOffset(group: group, queue: queue, timeout: Self.timeout)
    }

    /// Where a queue begins that was just taken: where the group is, else where `position` says.
    ///
    /// What is stored counts first: another member may have had the queue meanwhile.
    /// - Parameter isKept: whether a place that `position` says becomes the group's offset, even when nothing is handled: the next owner would
    ///   look for the end, and find a later one.
    func start(of queue: MessageQueue, from position: StartPosition, isKept: Bool = true) async throws(ClientError) -> Int64 {
        let stored = isLocal ? table[queue] : try await core.committedOffset(group: group, queue: queue, timeout: Self.timeout)
        // Found before by this consumer: asked again, the end may lie behind messages that nobody has handled.
        if stored == nil, let known = table[queue] { return known }
        let start = try await core.startOffset(of: queue, stored: stored, position: position, timeout: Self.timeout)
        if stored == nil, isKept, start > 0 { table.advance(queue, to: start) }
        return start
    }

    /// Stores what changed. What cannot be stored is said, and tried again the next time.
    /// - Parameters:
    ///   - queues: the ones to store; nil stores all.
    ///   - thenForget: whether these queues are not this consumer's any more.
    /// - Returns: the first failure.
    @discardableResult
    func persist(of queues: [MessageQueue]? = nil, thenForget: Bool = false) async -> ClientError? {
        await gate.run {
            let unsaved = table.takeUnsaved(of: queues)
            var failure: ClientError?
            if !unsaved.isEmpty { failure = if let path { save(unsaved, to: path) } else { await commit(unsaved) } }
            // A broadcasting consumer finds them again when it gets the queue back.
            if thenForget, !isLocal, let queues { table.forget(queues) }
            return failure
        }
    }

    private func save(_ unsaved: [MessageQueue: Int64], to path: String) -> ClientError? {
        do {
            try OffsetFile.save(table.all, to: path)
            return nil
        } catch {
            table.storingFailed(unsaved.keys)
            core.logger.error("offsets of group \(group) not written to \(path): \(error)")
            return ClientError(.offsetsNotStored, "offsets of group \(group) not written to \(path): \(error)")
        }
    }

    /// All at once, so that a broker that does not answer costs one time-out and not one a queue.
    private func commit(_ unsaved: [MessageQueue: Int64]) async -> ClientError? {
        await withTaskGroup(of: ClientError?.self) { tasks in
            for (queue, offset) in unsaved {
                tasks.addTask {
                    do throws(ClientError) {
                        try await self.core.commit(group: self.group, queue: queue, offset: offset, timeout: Self.timeout)
                        return nil
                    } catch {
                        self.table.storingFailed([queue])
                        self.core.logger.warning("offset \(offset) of \(queue) for group \(self.group) not stored: \(error)")
                        return error
                    }
                }
            }
            return await tasks.reduce(nil) { $0 ?? $1 }
        }
    }
}

extension ClientError.Code {
    /// A broadcasting consumer's file of offsets could not be written.
    public static let offsetsNotStored = ClientError.Code("offsetsNotStored")
}
