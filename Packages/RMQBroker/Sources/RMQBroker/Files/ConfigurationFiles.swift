import RMQCommon
import RMQRemoting
import Synchronization

/// The tables that survive a restart: topics.json, subscriptionGroup.json, consumerOffset.json.
///
/// With `enableLmq` the reference keeps all offsets in lmqConsumerOffset.json instead, those of light queues' groups apart. The
/// first start after that key was changed reads the other file, so that no group starts over.
///
/// Each file is replaced as a whole. Loops ask for it with ``later(_:)``, which never blocks; several requests become one
/// write. What could not be written is tried again by ``writeWhatIsDue()``.
final class ConfigurationFiles: Service {
    enum Table: String, CaseIterable, Sendable {
        case topics = "topics.json"
        case groups = "subscriptionGroup.json"
        case offsets = "consumerOffset.json"
    }

    private let directory: String
    private let topics: TopicTable
    private let groups: GroupTable
    private let offsets: ConsumerOffsets
    private let hasLightQueues: Bool
    private let workers: WorkerPool
    private let logger: Logger
    /// Held while a file is written, so that an older content never overwrites a newer one. Taken before the tables' locks.
    private let writing = Mutex(Writing())
    private let pending = Mutex<Set<Table>>([])

    private struct Writing {
        /// Files whose last write failed, and why.
        var failed: [Table: String] = [:]
        var isClosed = false
        /// A property, and not the value of a lock of its own: that would wrap the closure once more at each access.
        var topicsSaved: (@Sendable () -> Void)?
    }

    /// - Parameter workers: write what is asked for with ``later(_:)``.
    init(
        directory: String, topics: TopicTable, groups: GroupTable, offsets: ConsumerOffsets, hasLightQueues: Bool, workers: WorkerPool,
        logger: Logger
    ) {
        self.directory = directory
        self.topics = topics
        self.groups = groups
        self.offsets = offsets
        self.hasLightQueues = hasLightQueues
        self.workers = workers
        self.logger = logger
    }

    /// Reads all three; a file that is not there leaves its table as it is.
    func load() throws(BrokerError) {
        if let table = try load(path(.topics), { try TopicConfigTable(file: $0, &$1) }) { topics.load(table) }
        if let table = try load(path(.groups), { try SubscriptionGroupTable(file: $0, &$1) }) { groups.load(table) }
        let read = { (file: JSONObject, report: inout EntryReport) in try ConsumerOffsetTable(file: file, &report) }
        for path in [path(.offsets), offsetsPath(light: !hasLightQueues)] {
            guard let table = try load(path, read) else { continue }
            return offsets.load(table)
        }
    }

    private func load<Value>(_ path: String, _ read: (JSONObject, inout EntryReport) throws -> Value) throws(BrokerError) -> Value? {
        do {
            return try TableFile.load(path, logger: logger, read: read)
        } catch {
            throw .unreadableTable(path: path, reason: "\(error)")
        }
    }

    /// Sets what is called after topics were written that the file did not hold before, or could not be written.
    func setTopicsSavedListener(_ listener: (@Sendable () -> Void)?) { writing.withLock { $0.topicsSaved = listener } }

    /// Writes the table now. Blocks; not on a loop.
    func write(_ table: Table) {
        let saved = writing.withLock { writing -> [TopicEntry] in
            guard !writing.isClosed else { return [] }
            return write(table, &writing)
        }
        guard !saved.isEmpty else { return }
        for topic in saved { topic.markSaved() }
        writing.withLock { $0.topicsSaved }?()
    }

    /// The same for an administrator, who hears of it when the table is in force but could not be written.
    /// - Parameter change: what was asked for, as the answer names it.
    func write(_ table: Table, orTell change: String) throws(Refusal) {
        write(table)
        guard let reason = writing.withLock({ $0.failed[table] }) else { return }
        throw Refusal(.systemError, "\(change) is in force, but only until the broker stops: \(path(table)) was not written: \(reason)")
    }

    /// - Returns: topics that the file holds for the first time.
    private func write(_ table: Table, _ writing: inout Writing) -> [TopicEntry] {
        var new: [TopicEntry] = []
        let json: JSONValue
        switch table {
        case .topics:
            let (table, unsaved) = topics.takeForSaving()
            json = table.json
            new = unsaved
        case .groups: json = groups.table.json
        case .offsets:
            // Before the offsets are read: what is committed from here on is for the next write.
            offsets.takeChanges()
            json = offsets.file.json
        }
        do {
            try SmallFile.replace(path(table), with: json.bytes(.pretty))
            writing.failed[table] = nil
        } catch {
            logger.error("cannot write \(path(table)): \(error)")
            writing.failed[table] = "\(error)"
        }
        return new
    }

    /// Writes the table soon, on another thread.
    func later(_ table: Table) {
        guard pending.withLock({ $0.insert(table).inserted }) else { return }
        let isTaken = workers.run { [self] in
            pending.withLock { _ = $0.remove(table) }
            write(table)
        }
        // Either the broker stops, and writes everything, or it has too much to do now.
        if !isTaken { pending.withLock { _ = $0.remove(table) } }
    }

    /// Writes the offsets if some were committed, topics that were made, and what could not be written before.
    func writeWhatIsDue() {
        var due = writing.withLock { Set($0.failed.keys) }
        if topics.haveUnsaved { due.insert(.topics) }
        if offsets.haveChanged { due.insert(.offsets) }
        for table in due { write(table) }
    }

    /// They were loaded before: nothing begins to run.
    func start() {}

    /// Writes all tables; nothing is written after that.
    func stop() {
        for table in Table.allCases { write(table) }
        writing.withLock { $0.isClosed = true }
    }

    private func path(_ table: Table) -> String {
        table == .offsets ? offsetsPath(light: hasLightQueues) : directory + "/" + table.rawValue
    }

    private func offsetsPath(light: Bool) -> String {
        directory + "/" + (light ? "lmqConsumerOffset.json" : Table.offsets.rawValue)
    }
}
