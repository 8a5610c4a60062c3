import Foundation
import RMQCommon
@testable import RMQStore
import RMQTestSupport
import Testing

/// A store with every kind of file, three or more of each, and what is in it; closed, or as a kill leaves it.
///
///     T 0     700 messages, queue files of 300, with extension units, a key each, 10 ms apart
///     T 1     the same
///     Other 0 one message at the end
final class WholeStore {
    let folder: TemporaryFolder
    let root: String
    static let count = 700
    static let start: Int64 = 1_700_000_000_000
    private let clock = HandClock(WholeStore.start)

    init(clean: Bool) async throws {
        folder = try TemporaryFolder()
        root = folder.sub(clean ? "store" : "killed")
        let live = folder.sub("store")
        var store = try MessageStore(Self.configuration(live), logger: quiet, clocks: clock.clocks)
        try store.start()
        try fill(store, 0..<300)
        if !clean {
            // What the next session appends is in no checkpoint.
            try store.close()
            store = try MessageStore(Self.configuration(live), logger: quiet, clocks: clock.clocks)
            try store.start()
        }
        try fill(store, 300..<Self.count)
        try store.put("Other", 0, text: "x")
        try await store.waitUntilIndexed()
        if !clean { try copyDirectory(live, to: root) }
        try store.close()
    }

    static func configuration(_ root: String) -> StoreConfiguration {
        var configuration = smallConfiguration(root)
        configuration.writesQueueExtensions = true
        configuration.extensionFileBytes = 4096
        // Nothing is written back by time.
        configuration.flushInterval = .seconds(3600)
        configuration.indexSaveInterval = .seconds(3600)
        return configuration
    }

    private func fill(_ store: MessageStore, _ numbers: Range<Int>) throws {
        let encoder = RecordEncoder()
        for number in numbers {
            clock.advance(.milliseconds(10))
            for queueId: Int32 in 0...1 {
                let properties = MessageProperties([("KEYS", "key\(number) queue\(queueId)"), ("TAGS", "t\(number % 3)")]).encoded()
                let body = Array("\(number) in \(queueId)".utf8)
                let draft = try properties.withUnsafeBytes { properties in
                    try body.withUnsafeBytes { body in
                        try encoder.encode(
                            queue: store.queueHandle(topic: "T", queueId: queueId), attributes: testAttributes, body: body, properties: properties)
                    }
                }
                try store.append(draft)
            }
        }
    }

    /// The files of a folder, in the order of their names.
    func files(_ name: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: root + "/" + name).sorted().map { root + "/" + name + "/" + $0 }
    }

    func open(_ sink: MemorySink = MemorySink(), _ change: (inout StoreConfiguration) -> Void = { _ in }) throws -> MessageStore {
        var configuration = Self.configuration(root)
        change(&configuration)
        let store = try MessageStore(configuration, logger: Logger(category: "store", sink: sink), clocks: clock.clocks)
        try store.start()
        return store
    }

    /// Every message is served, by its queue offset, by its key and by its time; the store takes more of them.
    func expectWhole(_ store: MessageStore) async throws {
        for queueId: Int32 in 0...1 {
            let messages = try store.everything("T", queueId)
            #expect(messages.map(\.queueOffset) == (0..<Int64(Self.count)).map { $0 }, "by queue offset")
            #expect(messages.map(\.text) == (0..<Self.count).map { "\($0) in \(queueId)" })
            let wrongTimes = (0..<Self.count).filter { store.offset(topic: "T", queueId: queueId, at: Self.start + Int64($0 + 1) * 10) != Int64($0) }
            #expect(wrongTimes == [], "by time")
        }
        try await store.waitUntilIndexed()
        let wrongKeys = (0..<Self.count).filter { store.query(topic: "T", key: "key\($0)", maxCount: 10).records.count != 2 }
        #expect(wrongKeys == [], "by key")
        #expect(try store.everything("Other", 0).map(\.text) == ["x"])
    }

    /// Opens the store, expects all of it, appends, closes, and opens it again.
    /// - Returns: what was logged at the first and at the second opening.
    func expectRepaired() async throws -> (first: [String], second: [String]) {
        let first = MemorySink()
        let store = try open(first)
        try await expectWhole(store)
        #expect(try store.put("Other", 0, text: "next").queueOffset == 1)
        try store.close()
        let second = MemorySink()
        let again = try open(second)
        for queueId: Int32 in 0...1 { #expect(try again.everything("T", queueId).count == Self.count) }
        #expect(try again.everything("Other", 0).map(\.text) == ["x", "next"])
        try again.close()
        return (first.messages, second.messages)
    }
}
