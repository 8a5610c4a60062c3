import Foundation
import RMQCommon
import RMQStore
import RMQTestSupport
import Synchronization
import Testing


let quiet = Logger(category: "store", sink: DiscardSink())

/// Small files, so that every structure appears.
func smallConfiguration(_ root: String, segmentBytes: Int = 64 << 10) -> StoreConfiguration {
    var configuration = StoreConfiguration(rootDirectory: root)
    configuration.segmentBytes = segmentBytes
    configuration.consumeQueueFileBytes = 6000
    configuration.indexSlotCount = 64
    configuration.indexEntryCount = 200
    return configuration
}

/// The same; write-backs come only when a test asks for them. For whoever damages what a crash left: damage in what was written
/// back is another case than a torn end, and on a busy machine a write-back comes in the middle of a test.
func unflushedConfiguration(_ root: String, segmentBytes: Int = 64 << 10) -> StoreConfiguration {
    var configuration = smallConfiguration(root, segmentBytes: segmentBytes)
    configuration.flushInterval = .seconds(3600)
    return configuration
}

func openStore(_ root: String, segmentBytes: Int = 64 << 10, clocks: Clocks = .system) throws -> MessageStore {
    try openStore(smallConfiguration(root, segmentBytes: segmentBytes), clocks: clocks)
}

func openStore(_ configuration: StoreConfiguration, clocks: Clocks = .system) throws -> MessageStore {
    let store = try MessageStore(configuration, logger: quiet, clocks: clocks)
    try store.start()
    return store
}

let testAttributes = RecordAttributes(
    bornTimestamp: 1_700_000_000_123, bornHost: HostAddress(ipv4: (10, 1, 2, 3), port: 4711),
    storeHost: HostAddress(ipv4: (127, 0, 0, 1), port: 10911))

extension MessageStore {
    /// Encodes and appends one message.
    @discardableResult
    func put(
        _ topic: String, _ queueId: Int32, _ body: [UInt8], tags: String? = nil, attributes: RecordAttributes = testAttributes,
        encoder: RecordEncoder = RecordEncoder()
    ) throws -> AppendResult {
        try append(draft(topic, queueId, body, tags: tags, attributes: attributes, encoder: encoder))
    }

    /// The same with a typed error.
    func tryPut(_ topic: String, _ queueId: Int32, _ body: [UInt8]) throws(StoreError) {
        do {
            try put(topic, queueId, body)
        } catch let error as StoreError {
            throw error
        } catch {
            preconditionFailure("\(error)")
        }
    }

    private func draft(
        _ topic: String, _ queueId: Int32, _ body: [UInt8], tags: String?, attributes: RecordAttributes, encoder: RecordEncoder
    ) throws -> RecordDraft {
        var properties = MessageProperties()
        if let tags { properties["TAGS"] = tags }
        return try properties.encoded().withUnsafeBytes { properties in
            try body.withUnsafeBytes { body in
                try encoder.encode(queue: queueHandle(topic: topic, queueId: queueId), attributes: attributes, body: body, properties: properties)
            }
        }
    }

    /// Appends one message and waits until it is as safe as the store's configuration asks.
    @discardableResult
    func putAndWait(
        _ topic: String, _ queueId: Int32, _ text: String, encoder: RecordEncoder = RecordEncoder()
    ) throws -> (result: AppendResult, status: AppendStatus) {
        try appendAndWait(draft(topic, queueId, Array(text.utf8), tags: nil, attributes: testAttributes, encoder: encoder))
    }

    @discardableResult
    func put(_ topic: String, _ queueId: Int32, text: String, tags: String? = nil) throws -> AppendResult {
        try put(topic, queueId, Array(text.utf8), tags: tags)
    }

    /// Every message of a queue from its minimum on, read in the usual portions.
    func everything(_ topic: String, _ queueId: Int32) throws -> [StoredMessage] {
        var messages: [StoredMessage] = []
        var offset = minOffset(topic: topic, queueId: queueId)
        while offset < maxOffset(topic: topic, queueId: queueId) {
            let result = read(topic: topic, queueId: queueId, offset: offset, maxCount: 32)
            try #require(result.nextOffset > offset)
            messages += try result.messages()
            offset = result.nextOffset
        }
        return messages
    }
}

/// By the tag code alone.
struct TagTest: MessageFilter {
    let test: (Int64?) -> Bool
    func matches(entry: FilterEntry) -> Bool { test(entry.tagCode) }
}

extension MessageStore {
    /// Reads what has certain tag codes; nil: everything.
    func read(topic: String, queueId: Int32, offset: Int64, maxCount: Int, matches: ((Int64?) -> Bool)?) -> ReadResult {
        guard let matches, let queue = queue(topic: topic, queueId: queueId) else {
            return read(topic: topic, queueId: queueId, offset: offset, maxCount: maxCount)
        }
        var result = ReadResult()
        read(queue, offset: offset, maxCount: maxCount, matching: TagTest(test: matches), into: &result)
        return result
    }
}

extension ReadResult {
    func messages() throws -> [StoredMessage] {
        try chunks.flatMap { try MessageRecord.decodeAll(Array($0.bytes), decompressing: true) }
    }
}

/// Copies a directory as a kill -9 would leave it: what is in the page cache is in the copy.
///
/// The store may write meanwhile, and a copy is not made at one moment. So what vouches for other files comes first and the
/// log last: no file of the copy speaks of bytes that another one does not have yet.
func copyDirectory(_ source: String, to target: String) throws {
    let last = ["index", "consumequeue", "consumequeue_ext", "commitlog"]
    let names = try FileManager.default.contentsOfDirectory(atPath: source)
    try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
    for name in names.filter({ !last.contains($0) }) + last.filter(names.contains) {
        try FileManager.default.copyItem(atPath: source + "/" + name, toPath: target + "/" + name)
    }
}

/// The segment files of a log, oldest first.
func segmentFiles(_ root: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: root + "/commitlog").sorted().map { root + "/commitlog/" + $0 }
}

/// Overwrites bytes of a log at a physical offset.
func overwriteLog(_ root: String, segmentBytes: Int = 64 << 10, at offset: Int64, with bytes: [UInt8]) throws {
    let base = offset / Int64(segmentBytes) * Int64(segmentBytes)
    let name = String(repeating: "0", count: 20 - String(base).count) + String(base)
    let handle = try FileHandle(forUpdating: URL(fileURLWithPath: root + "/commitlog/" + name))
    defer { try? handle.close() }
    try handle.seek(toOffset: UInt64(offset - base))
    try handle.write(contentsOf: Data(bytes))
}
