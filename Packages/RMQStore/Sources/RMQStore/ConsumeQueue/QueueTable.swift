import RMQCommon
import Synchronization

struct QueueKey: Hashable, Sendable {
    @ByteText var topic: String
    var queueId: Int32

    /// A hash that is the same in every process, for the checkpoint's fingerprint.
    var fingerprint: UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in topic.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return (hash ^ UInt64(UInt32(bitPattern: queueId))) &* 0x9E37_79B9_7F4A_7C15
    }
}

/// A queue that lacks entries which it had, and what there is of its files.
struct DamagedQueue {
    let queue: ConsumeQueue
    let files: QueueFileList
}

/// All queues by name. Its lock is never held while another one is taken.
final class QueueTable: Sendable {
    let mappings: QueueMappings
    private let place: QueuePlace
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
            if FurtherQueues.isLight(key.topic) { light.add(1, ordering: .relaxed) }
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
            if FurtherQueues.isLight(topic) { light.subtract(removed.count, ordering: .relaxed) }
            return removed
        }
    }

    /// What several threads find together.
    private struct Loading {
        var damaged: [DamagedQueue] = []
        /// Some file has the configured length.
        var hasRightLength = false

        /// A length that the configuration should have instead: no file has the configured one, and some agree on another.
        /// Then the files are whole, and to write them all again would be a lot of work for a typing mistake.
        var otherLength: QueueFileList.File? {
            guard !hasRightLength else { return nil }
            var seen: Set<Int64> = [0]
            return damaged.lazy.flatMap { $0.files.rest }.first { !seen.insert($0.length).inserted && $0.length > 0 }
        }
    }

    /// Adds the queues found on disk, one directory per topic and in it one per queue id. Those that are damaged are left to
    /// recovery, see ``damaged``.
    ///
    /// The work is system calls, some twenty a queue, so several threads share it.
    /// - Throws: among others `wrongFileSize`, when all files are of another size than the configured one.
    func load(_ trust: QueueTrust) throws(StoreError) {
        let topics = try StoreFiles.entries(in: place.directory)
        if let foreign = topics.first(where: { !$0.isDirectory }) { throw .foreignFile(path: place.directory + "/" + foreign.name) }
        let failure = Mutex<StoreError?>(nil)
        let next = Atomic<Int>(0)
        let work: @Sendable () -> Void = { [self] in
            while failure.withLock({ $0 == nil }) {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < topics.count else { return }
                do throws(StoreError) { try load(topic: topics[index].name, trust) } catch { failure.withLock { $0 = $0 ?? error } }
            }
        }
        let helpers = try (1..<(topics.count < 64 ? 1 : Self.loaders)).map { (_) throws(StoreError) in try StoreThread(name: "store-load", work) }
        work()
        for helper in helpers { helper.join() }
        if let error = failure.withLock({ $0 }) { throw error }
        if let other = loading.withLock({ $0.otherLength }) {
            throw .wrongFileSize(path: other.path, bytes: other.length, expected: Int64(place.fileBytes))
        }
        light.store(queues.withLock { $0.keys.count { FurtherQueues.isLight($0.topic) } }, ordering: .relaxed)
    }

    private static let loaders = 4

    private func load(topic: String, _ trust: QueueTrust) throws(StoreError) {
        let directory = place.directory + "/" + topic
        for (name, isDirectory) in try StoreFiles.entries(in: directory) {
            // Like the reference: what is not a number is none of ours, and harmless.
            guard isDirectory, let queueId = Int32(name), String(queueId).isExactly(name) else { continue }
            let queue = ConsumeQueue(topic: topic, queueId: queueId, place: place)
            let files = try QueueFileList(directory: queue.directory, fileBytes: place.fileBytes)
            var isDamaged = try files.isDamaged(trust)
            if !isDamaged { isDamaged = try !queue.load(files, trust, cutsHoles: false) }
            loading.withLock { loading in
                if isDamaged { loading.damaged.append(DamagedQueue(queue: queue, files: files)) }
                if files.hasRightLength { loading.hasRightLength = true }
            }
            guard queue.hasFiles || isDamaged else { continue }
            queues.withLock { $0[QueueKey(topic: topic, queueId: queueId)] = queue }
        }
    }

    /// Which queues have messages below a log offset, and where they end, as numbers that do not depend on the order.
    func fingerprint(below limit: Int64) -> (count: Int64, names: UInt64, ends: UInt64) {
        var count: Int64 = 0
        var names: UInt64 = 0
        var ends: UInt64 = 0
        for queue in all where queue.firstPhysicalOffset >= 0 && queue.firstPhysicalOffset < limit {
            let name = QueueKey(topic: queue.topic, queueId: queue.queueId).fingerprint
            count += 1
            names ^= name
            let firstFile = UInt64(bitPattern: queue.files.withLock { $0.firstBase })
            ends ^= (name ^ UInt64(bitPattern: queue.maxOffset)) &* 0xD6E8_FEB8_6659_FD93 ^ firstFile &* 0x9E37_79B9_7F4A_7C15
        }
        return (count, names, ends)
    }
}
