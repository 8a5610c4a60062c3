import RMQCommon
import RMQRemoting
import RMQStore
import Synchronization

enum TopicLimit {
    /// Most queues of one topic: each read and written queue costs memory and files.
    static let queues: Int32 = 4_096
}

/// A topic at one moment: its configuration never changes, its queues live on in the next configuration.
final class TopicEntry: Sendable {
    let config: TopicConfig
    let queues: TopicQueues
    private let saved: SavedMark

    init(config: TopicConfig, queues: TopicQueues = TopicQueues(), isSaved: Bool) {
        self.config = config
        self.queues = queues
        saved = SavedMark(isSaved)
    }

    /// The same topic with another configuration or, if its old queues are gone, other queues.
    init(_ previous: TopicEntry, config: TopicConfig? = nil, queues: TopicQueues? = nil) {
        self.config = config ?? previous.config
        self.queues = queues ?? previous.queues
        saved = previous.saved
    }

    var queueCount: Int32 { max(config.readQueueCount, config.writeQueueCount) }
    /// Whether topics.json holds a topic of this name, or will not need to.
    var isSaved: Bool { saved.isSet }
    func markSaved() { saved.set() }
}

private final class SavedMark: Sendable {
    private let mark: Atomic<Bool>
    init(_ isSet: Bool) { mark = Atomic(isSet) }
    var isSet: Bool { mark.load(ordering: .acquiring) }
    func set() { mark.store(true, ordering: .releasing) }
}

/// All topics of this broker.
final class TopicTable: Sendable {
    private struct Contents: Sendable {
        var topics: [ByteText: TopicEntry] = [:]
        /// Light topics in use. They are written to no file and told to no name server.
        var light: [ByteText: TopicEntry] = [:]
        /// Topics that were made since the table was written last.
        var unsaved: [TopicEntry] = []

        mutating func put(_ config: TopicConfig) -> TopicEntry {
            let entry: TopicEntry
            if let previous = topics[config.topicName] {
                entry = TopicEntry(previous, config: config)
            } else {
                entry = TopicEntry(config: config, isSaved: false)
                unsaved.append(entry)
            }
            topics[config.topicName] = entry
            return entry
        }
    }

    private let contents: VersionedTable<Contents>
    /// The most light topics; 0 when there are none.
    private let lightLimit: Int
    /// The broker's own system topics: refused to administration, listed by code 305.
    let systemTopics: Set<ByteText>
    private let keptBody = Mutex<(version: UInt64, bytes: [UInt8])?>(nil)

    init(configuration: BrokerConfiguration, clock: WallClock) {
        let builtIn = BuiltInTopics.configs(configuration)
        let entries = builtIn.map { (ByteText($0.topicName), TopicEntry(config: $0, isSaved: true)) }
        contents = VersionedTable(Contents(topics: Dictionary(entries) { $1 }), clock: clock)
        systemTopics = BuiltInTopics.systemNames(configuration)
        lightLimit = configuration.store.lightQueues ? configuration.store.maxLightQueues : 0
    }

    /// Moves on after every change.
    var version: UInt64 { contents.version }

    subscript(name: String) -> TopicEntry? {
        contents.withLock { contents, _ in
            if let entry = contents.topics[name] { return entry }
            guard lightLimit > 0, LightQueue.isLight(name) else { return nil }
            if let entry = contents.light[name] { return entry }
            guard contents.light.count < lightLimit, (try? TopicName(name)) != nil else { return nil }
            let config = TopicConfig(topicName: name, readQueueCount: 1, writeQueueCount: 1)
            let entry = TopicEntry(config: config, isSaved: true)
            contents.light[name] = entry
            return entry
        }
    }

    var count: Int { contents.withLock { contents, _ in contents.topics.count } }

    var names: [String] { contents.withLock { contents, _ in contents.topics.keys.map(\.text) } }

    var dataVersion: DataVersion { contents.withLock { $1 } }

    var table: TopicConfigTable {
        contents.withLock { TopicConfigTable(topics: $0.topics.mapValues(\.config), dataVersion: $1) }
    }

    /// Whether topics were made since the table was taken for saving.
    var haveUnsaved: Bool { contents.withLock { contents, _ in !contents.unsaved.isEmpty } }

    /// The table as code 21 gives it. Kept until it changes: with thousands of topics it is megabytes, and every slave and tool asks.
    var body: [UInt8] {
        let version = version
        if let kept = keptBody.withLock({ $0 }), kept.version == version { return kept.bytes }
        let bytes = table.body
        keptBody.withLock { $0 = (version, bytes) }
        return bytes
    }

    /// The table, and those of its topics that were in none taken before: the caller writes it and marks them saved.
    func takeForSaving() -> (table: TopicConfigTable, unsaved: [TopicEntry]) {
        contents.withLock { contents, dataVersion in
            defer { contents.unsaved = [] }
            return (TopicConfigTable(topics: contents.topics.mapValues(\.config), dataVersion: dataVersion), contents.unsaved)
        }
    }

    /// Takes over what a file says; its entries win over the built-in ones.
    func load(_ table: TopicConfigTable) {
        contents.load(table.dataVersion) { contents in
            for config in table.topics.values {
                contents.topics[config.topicName] = TopicEntry(config: config, isSaved: true)
            }
        }
    }

    /// Takes over a master's table, but for the topics that every broker has by itself.
    /// - Returns: false when this table has that version already.
    func replace(with table: TopicConfigTable) -> Bool {
        guard dataVersion != table.dataVersion else { return false }
        contents.load(table.dataVersion) { contents in
            contents.topics = contents.topics.filter { table.topics[$0.key] != nil || systemTopics.contains($0.key) }
            for config in table.topics.values { _ = contents.put(config) }
        }
        return true
    }

    /// Adds a topic or replaces its configuration.
    /// - Returns: the table's version with it.
    func put(_ config: TopicConfig) -> DataVersion {
        let version = contents.change { contents in
            _ = contents.put(config)
            return true
        }
        guard let version else { preconditionFailure("it was changed") }
        return version
    }

    /// Adds a topic unless one of that name exists.
    /// - Returns: the topic that is there now and, if it is new, the table's version with it.
    func add(_ config: TopicConfig) -> (entry: TopicEntry, newVersion: DataVersion?) {
        var entry: TopicEntry?
        let version = contents.change { contents in
            entry = contents.topics[config.topicName]
            if entry != nil { return false }
            entry = contents.put(config)
            return true
        }
        guard let entry else { preconditionFailure("it was found or made") }
        return (entry, version)
    }

    /// Makes a topic have at least so many queues, and makes the topic when it is not there.
    /// - Returns: false when it has them.
    func widen(_ name: String, to count: Int32) -> Bool {
        contents.change { contents in
            var config = contents.topics[name]?.config ?? TopicConfig(topicName: name, readQueueCount: 0, writeQueueCount: 0)
            guard max(config.readQueueCount, config.writeQueueCount) < count else { return false }
            config.readQueueCount = count
            config.writeQueueCount = count
            _ = contents.put(config)
            return true
        } != nil
    }

    /// - Returns: false when there is no such topic.
    @discardableResult
    func remove(_ name: String) -> Bool {
        contents.change { $0.topics.removeValue(forKey: name) != nil } != nil
    }

    /// The store deleted the queues of that name. A topic that has it again by now, because a send made it in the meantime,
    /// looks its queues up again instead of reading deleted ones.
    func forgetQueues(of name: String) {
        contents.load { contents in
            contents.light[name] = nil
            guard let entry = contents.topics[name] else { return }
            contents.topics[name] = TopicEntry(entry, queues: TopicQueues())
        }
    }

    /// Makes exactly the topics in `ordered` ordered ones.
    /// - Returns: whether that changed anything.
    func setOrdered(_ ordered: Set<ByteText>) -> Bool {
        let version = contents.change { contents in
            let wrong = contents.topics.values.filter { $0.config.isOrdered != ordered.contains($0.config.topicName) }
            for entry in wrong {
                var config = entry.config
                config.isOrdered.toggle()
                contents.topics[config.topicName] = TopicEntry(entry, config: config)
            }
            return !wrong.isEmpty
        }
        return version != nil
    }

    /// Everybody who keeps a copy has to fetch it again, though no topic changed.
    func touch() { contents.change { _ in true } }
}
