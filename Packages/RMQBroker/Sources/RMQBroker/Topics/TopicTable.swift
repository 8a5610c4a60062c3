import RMQCommon
import RMQRemoting
import Synchronization

/// A topic at one moment: its configuration never changes, its queues live on in the next configuration.
final class TopicEntry: Sendable {
    let config: TopicConfig
    let queues: TopicQueues

    init(config: TopicConfig, queues: TopicQueues) {
        self.config = config
        self.queues = queues
    }

    var queueCount: Int32 { max(config.readQueueCount, config.writeQueueCount) }
}

/// All topics of this broker.
///
/// One lock, held for a look-up or a change and never while another one is taken. Loops do not take it per message: they
/// keep what they found until ``version`` moves.
final class TopicTable: Sendable {
    private struct Contents {
        var topics: [String: TopicEntry] = [:]
        /// Light topics that somebody named. They are written to no file and told to no name server.
        var light: [String: TopicEntry] = [:]
        var dataVersion: DataVersion
    }

    private let contents: Mutex<Contents>
    private let clock: WallClock
    /// The most light topics; 0 when there are none.
    private let lightLimit: Int
    /// The broker's own system topics: refused to administration, listed by code 305.
    let systemTopics: Set<String>
    /// Moves on after every change.
    private let changes = Atomic<UInt64>(1)

    init(configuration: BrokerConfiguration, clock: WallClock) {
        let builtIn = BuiltInTopics.configs(configuration)
        let entries = builtIn.map { ($0.topicName, TopicEntry(config: $0, queues: TopicQueues())) }
        contents = Mutex(Contents(topics: Dictionary(entries) { $1 }, dataVersion: DataVersion(clock: clock)))
        systemTopics = BuiltInTopics.systemNames(configuration)
        self.clock = clock
        lightLimit = configuration.lightQueues ? configuration.maxLightQueues : 0
    }

    var version: UInt64 { changes.load(ordering: .acquiring) }

    subscript(name: String) -> TopicEntry? {
        contents.withLock { contents in
            if let entry = contents.topics[name] { return entry }
            guard lightLimit > 0, name.hasPrefix("%LMQ%") else { return nil }
            if let entry = contents.light[name] { return entry }
            guard contents.light.count < lightLimit, (try? TopicName(name)) != nil else { return nil }
            let config = TopicConfig(topicName: name, readQueueCount: 1, writeQueueCount: 1)
            let entry = TopicEntry(config: config, queues: TopicQueues())
            contents.light[name] = entry
            return entry
        }
    }

    var names: [String] { contents.withLock { Array($0.topics.keys) } }

    var table: TopicConfigTable {
        contents.withLock { TopicConfigTable(topics: $0.topics.mapValues(\.config), dataVersion: $0.dataVersion) }
    }

    /// Takes over what a file says; its entries win over the built-in ones.
    func load(_ table: TopicConfigTable) {
        contents.withLock { contents in
            for config in table.topics.values {
                contents.topics[config.topicName] = TopicEntry(
                    config: config, queues: contents.topics[config.topicName]?.queues ?? TopicQueues())
            }
            contents.dataVersion = table.dataVersion
        }
        changes.wrappingAdd(1, ordering: .acquiringAndReleasing)
    }

    /// Adds a topic or replaces its configuration.
    func put(_ config: TopicConfig) {
        change { contents in
            contents.topics[config.topicName] = TopicEntry(
                config: config, queues: contents.topics[config.topicName]?.queues ?? TopicQueues())
            return true
        }
    }

    /// Adds a topic unless one of that name exists.
    /// - Returns: the topic that is there now, and whether it is new.
    func add(_ config: TopicConfig) -> (entry: TopicEntry, isNew: Bool) {
        var entry = TopicEntry(config: config, queues: TopicQueues())
        let isNew = change { contents in
            if let existing = contents.topics[config.topicName] {
                entry = existing
                return false
            }
            contents.topics[config.topicName] = entry
            return true
        }
        return (entry, isNew)
    }

    /// - Returns: false when there is no such topic.
    @discardableResult
    func remove(_ name: String) -> Bool {
        change { $0.topics.removeValue(forKey: name) != nil }
    }

    /// Makes exactly the topics in `ordered` ordered ones.
    /// - Returns: whether that changed anything.
    func setOrdered(_ ordered: Set<String>) -> Bool {
        change { contents in
            let wrong = contents.topics.values.filter { $0.config.isOrdered != ordered.contains($0.config.topicName) }
            for entry in wrong {
                var config = entry.config
                config.isOrdered.toggle()
                contents.topics[config.topicName] = TopicEntry(config: config, queues: entry.queues)
            }
            return !wrong.isEmpty
        }
    }

    /// Everybody who keeps a copy has to fetch it again, though no topic changed.
    func touch() { change { _ in true } }

    @discardableResult
    private func change(_ body: (inout Contents) -> Bool) -> Bool {
        let now = clock.now()
        let changed = contents.withLock { contents in
            guard body(&contents) else { return false }
            contents.dataVersion.advance(now: now)
            return true
        }
        if changed { changes.wrappingAdd(1, ordering: .acquiringAndReleasing) }
        return changed
    }
}
