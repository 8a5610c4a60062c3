import RMQCommon
import Synchronization

struct QueueKey: Hashable, Sendable {
    @ByteText var topic: String
    var queueId: Int32

    /// A hash that is the same in every process, for the checkpoint's fingerprint.
    var fingerprint: UInt64 { Self.fingerprint(topic: topic.utf8, queueId: queueId) }

    static func fingerprint(topic: some Sequence<UInt8>, queueId: Int32) -> UInt64 {
        var hash = FNV1a()
        hash.add(topic)
        return (hash.value ^ UInt64(UInt32(bitPattern: queueId))) &* 0x9E37_79B9_7F4A_7C15
    }
}

/// A queue that lacks entries which it had, and what there is of its files.
struct DamagedQueue {
    let queue: ConsumeQueue
    let files: QueueFileList
    /// False: it may just as well end where its files do.
    var isCertain = true
}

/// All queues by name. Its lock is never held while another one is taken.
final class QueueTable: Sendable {
    let mappings: QueueMappings
    let place: QueuePlace
    private let queues = Mutex<[QueueKey: ConsumeQueue]>([:])
    private let loading = Mutex(Loading())
    private let light = Atomic<Int>(0)

    init(configuration: StoreConfiguration, retention: Retention, disk: DiskCalls, filterBitmap: FilterBitmap?) {
        mappings = QueueMappings(retention: retention)
        place = QueuePlace(configuration, mappings: mappings, disk: disk, filterBitmap: filterBitmap)
    }

    /// Queues that lack entries which they had: in the table, and not loaded yet.
    var damaged: [DamagedQueue] { loading.withLock { $0.damaged } }
    /// How many queues are light ones.
    var lightCount: Int { light.load(ordering: .relaxed) }

    var all: [ConsumeQueue] { queues.withLock { Array($0.values) } }

    func find(_ key: QueueKey) -> ConsumeQueue? {
        queues.withLock { $0[key] }
    }

    func findOrAdd(_ key: QueueKey) -> ConsumeQueue {
        queues.withLock { queues in
            if let queue = queues[key] { return queue }
            let queue = ConsumeQueue(topic: key.topic, queueId: key.queueId, place: place)
            queues[key] = queue
            if MultiDispatch.isLight(key.topic) { light.add(1, ordering: .relaxed) }
            return queue
        }
    }

    func queues(of topic: String) -> [ConsumeQueue] {
        queues.withLock { $0.values.filter { $0.topic.isExactly(topic) } }
    }

    /// Takes a topic's queues out of the table and returns them.
    func remove(topic: String) -> [ConsumeQueue] {
        queues.withLock { queues in
            let removed = queues.values.filter { $0.topic.isExactly(topic) }
            for queue in removed { queues[QueueKey(topic: topic, queueId: queue.queueId)] = nil }
            if MultiDispatch.isLight(topic) { light.subtract(removed.count, ordering: .relaxed) }
            return removed
        }
    }

    /// What several threads find together.
    private struct Loading {
        var damaged: [DamagedQueue] = []
        /// Of all files that may be whole.
        var lengths: [Int64] = []
        var strays: [String] = []
        var obstacles: [String] = []
        var deletions: [UnfinishedDeletion] = []
    }

    /// Names in the directories that belong to no queue, and are left alone.
    var strays: [String] { loading.withLock { $0.strays } }
    /// What stood in the place of a queue's file or folder, and has another name now.
    var obstacles: [String] { loading.withLock { $0.obstacles } }
    /// Deleted queues of which a kill left files.
    var unfinishedDeletions: [UnfinishedDeletion] { loading.withLock { $0.deletions } }

    /// Adds the queues found on disk, one directory per topic and in it one per queue id. Those that are damaged are left to
    /// recovery, see ``damaged``.
    ///
    /// The work is system calls, some twenty a queue, so several threads share it.
    /// - Returns: the length that the files have, when it is not the configured one. Then this table is of no use, and one for
    ///   files of that length has to be loaded.
    func load(_ trust: QueueTrust) throws(StoreError) -> Int? {
        let entries = try StoreFiles.entries(in: place.directory)
        loading.withLock { $0.strays = entries.filter { $0.kind != .directory }.map { place.directory + "/" + $0.name } }
        let topics = entries.filter { $0.kind == .directory }
        let failure = Mutex<StoreError?>(nil)
        let next = Atomic<Int>(0)
        let work: @Sendable () -> Void = { [self] in
            while failure.withLock({ $0 == nil }) {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < topics.count else { return }
                do throws(StoreError) { try load(topic: topics[index].name, trust) } catch { failure.withLock { $0 = $0 ?? error } }
            }
        }
        let helpers = try (1..<(topics.count < 64 ? 1 : Self.loaders)).map { (_) throws(StoreError) in try SystemThread.starting("store-load", work) }
        work()
        for helper in helpers { helper.join() }
        if let error = failure.withLock({ $0 }) { throw error }
        countLightQueues()
        let found = FoundSize.decide(loading.withLock { $0.lengths }, configured: place.fileBytes)
        return found == place.fileBytes ? nil : found
    }

    private static let loaders = 4

    private func load(topic: String, _ trust: QueueTrust) throws(StoreError) {
        let directory = place.directory + "/" + topic
        for (name, kind) in try StoreFiles.entries(in: directory) {
            // Like the reference: what is not a number belongs to others, and is harmless.
            guard kind == .directory, let queueId = Int32(name), queueId >= 0, String(queueId).isExactly(name) else {
                loading.withLock { loading in
                    if kind == .directory, let queueId = DeletedFolder.queueId(ofLeftOver: name),
                        let folder = DeletedFolder(leftOver: name, in: directory, place.disk) {
                        loading.deletions.append(UnfinishedDeletion(key: QueueKey(topic: topic, queueId: queueId), folder: folder))
                    } else {
                        loading.strays.append(directory + "/" + name)
                    }
                }
                continue
            }
            _ = try load(QueueKey(topic: topic, queueId: queueId), trust)
        }
    }

    /// Adds a queue found on disk, if there are files of it.
    /// - Returns: whether they are whole.
    func load(_ key: QueueKey, _ trust: QueueTrust) throws(StoreError) -> Bool {
        let queue = ConsumeQueue(topic: key.topic, queueId: key.queueId, place: place)
        let files = try QueueFileList(directory: queue.directory, fileBytes: place.fileBytes)
        var isDamaged = try files.isDamaged(trust)
        if !isDamaged { isDamaged = try !queue.load(files, trust, cutsHoles: false) }
        let mayLackFiles = !isDamaged && trust.mayLackLastFiles(queue)
        loading.withLock { loading in
            if isDamaged || mayLackFiles { loading.damaged.append(DamagedQueue(queue: queue, files: files, isCertain: isDamaged)) }
            loading.lengths += files.lengths.filter { $0 % Int64(QueueEntry.byteCount) == 0 && $0 <= Int64(Int32.max) }
            loading.strays += files.strays
            loading.obstacles += files.obstacles
        }
        guard queue.hasFiles || isDamaged || mayLackFiles else { return false }
        queues.withLock { $0[key] = queue }
        return !isDamaged && !mayLackFiles
    }

    /// Forgets a queue that was just loaded.
    func unload(_ key: QueueKey) {
        let queue = queues.withLock { $0.removeValue(forKey: key) }
        loading.withLock { $0.damaged.removeAll { $0.queue === queue } }
    }

    /// Counts the light queues: after the last one was loaded.
    func countLightQueues() {
        light.store(queues.withLock { $0.keys.count { MultiDispatch.isLight($0.topic) } }, ordering: .relaxed)
    }
}
