import RMQCommon

/// What a query by key found.
public struct QueryResult: Sendable {
    /// One whole record each, in the order of the log.
    public var records: [MappedRange] = []
    /// When the newest message in the index was stored, in milliseconds since 1970; 0 when the index is empty.
    public var indexedTimestamp: Int64 = 0
    /// Where in the log that message lies; 0 when the index is empty.
    public var indexedOffset: Int64 = 0
}

extension MessageStore {
    /// Finds the newest messages of a topic that have a key: a word of their property `KEYS`, or their unique id.
    ///
    /// Unlike the reference, which returns whatever has the same hash, this returns only messages that really have this
    /// topic and key, each once, and compares times by the millisecond.
    ///
    /// - Parameters:
    ///   - maxCount: the most messages to return; no more than `maxQueryCount` of the configuration in any case.
    ///   - begin: messages stored before (ms since 1970) are left out; so are those stored after `end`.
    ///   - maxBytes: no further message is added once this many bytes are reached.
    public func query(
        topic: String, key: String, maxCount: Int, from begin: Int64 = 0, to end: Int64 = .max, maxBytes: Int = 8 << 20
    ) -> QueryResult {
        var result = QueryResult()
        let files = index.files.snapshot
        if let newest = files.last(where: { !$0.isEmpty }) {
            result.indexedTimestamp = newest.endTimestamp
            result.indexedOffset = newest.endOffset
        }
        var topic = topic
        var key = key
        topic.withUTF8 { topic in
            key.withUTF8 { key in
                var search = KeySearch(
                    topic: UnsafeRawBufferPointer(topic), key: UnsafeRawBufferPointer(key), begin: begin, end: end,
                    maxCount: min(maxCount, settings.current.maxQueryCount), maxBytes: maxBytes, log: log)
                search.run(files) { damaged in index.report(damaged: damaged) }
                result.records = search.found.reversed()
            }
        }
        return result
    }
}

/// One query on its way from the newest index file to the oldest.
private struct KeySearch {
    let topic: UnsafeRawBufferPointer
    let key: UnsafeRawBufferPointer
    let begin: Int64
    let end: Int64
    let maxCount: Int
    let maxBytes: Int
    let log: CommitLog
    /// Newest first.
    var found: [MappedRange] = []
    private var byteCount = 0
    private var lastOffset = Int64.max

    init(
        topic: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer, begin: Int64, end: Int64, maxCount: Int, maxBytes: Int, log: CommitLog
    ) {
        self.topic = topic
        self.key = key
        self.begin = begin
        self.end = end
        self.maxCount = maxCount
        self.maxBytes = maxBytes
        self.log = log
    }

    private var isFull: Bool { found.count >= maxCount || byteCount >= maxBytes }

    /// - Parameter report: called with every file that is found to be damaged.
    mutating func run(_ files: [IndexFile], report: (IndexFile) -> Void) {
        guard !key.isEmpty, !isFull else { return }
        let hash = KeyHash(topic: topic)(key)
        let logMinimum = log.minOffset
        for file in files.reversed() where file.endOffset >= logMinimum {
            // An older file may have later times: clocks are set back.
            guard file.covers(from: begin, to: end) else { continue }
            var isSound = true
            let chainIsSound = file.forEach(hash: hash, from: begin, to: end) { offset in
                // The messages of a key lie behind each other; one with the key twice is there twice.
                guard offset >= logMinimum else { return false }
                guard offset < lastOffset else { return true }
                lastOffset = offset
                isSound = take(offset, hash) && isSound
                return !isFull
            }
            // The log may have lost segments meanwhile.
            if !(isSound && chainIsSound), log.minOffset == logMinimum { report(file) }
            if isFull { return }
        }
    }

    /// Adds the record at an offset if it is wanted.
    /// - Returns: false when no record there can have led to this entry.
    private mutating func take(_ offset: Int64, _ hash: Int32) -> Bool {
        guard let head = log.range(at: offset, count: RecordLayout.fixedByteCount + 16),
            case .record(let record) = RecordCheck.check(head.file, at: head.position, verifiesBody: false)
        else { return false }
        let keys = RecordKeys(record.properties)
        if record.topic.elementsEqual(topic), keys.contains(key) {
            if record.storeTimestamp >= begin, record.storeTimestamp <= end {
                found.append(MappedRange(owner: head.file, start: head.position, count: record.byteCount))
                byteCount += record.byteCount
            }
            return true
        }
        // Another key with the same hash, then.
        let hashOf = KeyHash(topic: record.topic)
        var hasHash = false
        keys.forEach { other in
            hasHash = hashOf(other) == hash
            return !hasHash
        }
        return hasHash
    }
}
