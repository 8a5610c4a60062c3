import RMQCommon
import RMQRemoting
import Synchronization

/// The tables that survive a restart: topics.json, subscriptionGroup.json, consumerOffset.json, consumerFilter.json.
///
/// With `enableLmq` the reference keeps all offsets in lmqConsumerOffset.json instead, those of light queues' groups apart. The
/// first start after that key was changed reads the other file, so that no group starts over.
///
/// Each file is replaced as a whole. Loops ask for it with ``later(_:)``, which never blocks; what is asked for while the file is
/// written becomes one more write. What could not be written is tried again by ``writeWhatIsDue()``.
final class ConfigurationFiles: Service {
    enum Table: String, CaseIterable, Sendable {
        case topics = "topics.json"
        case groups = "subscriptionGroup.json"
        case offsets = "consumerOffset.json"
        case filters = "consumerFilter.json"

        func path(in directory: String) -> String { directory + "/" + rawValue }
    }

    private let directory: String
    private let topics: TopicTable
    private let groups: GroupTable
    private let offsets: ConsumerOffsets
    private let filters: ConsumerFilterTable
    private let hasLightQueues: Bool
    private let workers: WorkerPool
    private let logger: Logger
    private let turns = Dictionary(uniqueKeysWithValues: Table.allCases.map { ($0, FileTurn()) })
    private let listener = Mutex(Listener())

    private struct Listener {
        /// A property, and not the value of a lock of its own: that would wrap the closure once more at each access.
        var topicsSaved: (@Sendable () -> Void)?
    }

    /// - Parameter workers: write what is asked for with ``later(_:)``.
    init(
        directory: String, topics: TopicTable, groups: GroupTable, offsets: ConsumerOffsets, filters: ConsumerFilterTable, hasLightQueues: Bool,
        workers: WorkerPool, logger: Logger
    ) {
        self.directory = directory
        self.topics = topics
        self.groups = groups
        self.offsets = offsets
        self.filters = filters
        self.hasLightQueues = hasLightQueues
        self.workers = workers
        self.logger = logger
    }

    /// Reads all but the filters, which the store asks for earlier; a file that is not there leaves its table as it is.
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
    func setTopicsSavedListener(_ saved: (@Sendable () -> Void)?) { listener.withLock { $0.topicsSaved = saved } }

    /// Writes the table now. Blocks; not on a loop.
    func write(_ table: Table) {
        guard let saved = turn(of: table).write({ replace(table) }), !saved.isEmpty else { return }
        for topic in saved { topic.markSaved() }
        listener.withLock { $0.topicsSaved }?()
    }

    /// The same for an administrator, who hears of it when the table is in force but could not be written.
    /// - Parameter change: what was asked for, as the answer names it.
    func write(_ table: Table, orTell change: String) throws(Refusal) {
        write(table)
        guard let reason = turn(of: table).failure else { return }
        throw Refusal(.systemError, "\(change) is in force, but only until the broker stops: \(path(table)) was not written: \(reason)")
    }

    /// - Returns: topics that the file holds for the first time.
    private func replace(_ table: Table) -> (new: [TopicEntry], failure: String?) {
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
        case .filters:
            filters.takeChanges()
            json = filters.file.json
        }
        do {
            try SmallFile.replace(path(table), with: json.bytes(.pretty))
            return (new, nil)
        } catch {
            logger.error("cannot write \(path(table)): \(error)")
            return (new, "\(error)")
        }
    }

    /// Writes the table soon, on another thread.
    func later(_ table: Table) {
        if turn(of: table).ask() { dispatch(table) }
    }

    private func dispatch(_ table: Table) {
        let turn = turn(of: table)
        let isTaken = workers.run { [self] in
            turn.begin()
            write(table)
            if turn.end() { dispatchAgain(table) }
        }
        // Either the broker stops, and writes everything, or it has too much to do now.
        if !isTaken { turn.refuse() }
    }

    /// Sends wait for topics, nobody for groups and offsets: while thousands are made, their files take a fifth of a thread at most.
    private func dispatchAgain(_ table: Table) {
        let pause = table == .topics ? .zero : turn(of: table).lasted * 4
        guard pause > .milliseconds(10) else { return dispatch(table) }
        Task.detached(priority: .utility) { [weak self] in
            try? await Task.sleep(for: pause)
            self?.dispatch(table)
        }
    }

    /// Writes the offsets if some were committed, topics that were made, filters that came or went, and what could not be written
    /// before.
    func writeWhatIsDue() {
        for table in Table.allCases {
            let hasNews = switch table {
            case .topics: topics.haveUnsaved
            case .groups: false
            case .offsets: offsets.haveChanged
            case .filters: filters.haveChanged
            }
            let wasRefused = turn(of: table).takeRefused()
            if hasNews || wasRefused || turn(of: table).failure != nil { write(table) }
        }
    }

    /// They were loaded before: nothing begins to run.
    func start() {}

    /// Writes all tables; nothing is written after that.
    func stop() {
        for table in Table.allCases {
            write(table)
            turn(of: table).close()
        }
    }

    private func turn(of table: Table) -> FileTurn {
        guard let turn = turns[table] else { preconditionFailure("every table has its turn") }
        return turn
    }

    private func path(_ table: Table) -> String {
        table == .offsets ? offsetsPath(light: hasLightQueues) : table.path(in: directory)
    }

    private func offsetsPath(light: Bool) -> String {
        directory + "/" + (light ? "lmqConsumerOffset.json" : Table.offsets.rawValue)
    }
}
