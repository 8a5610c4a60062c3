import Foundation
import RMQCommon
import RMQStore
import RMQTestSupport
import Testing

/// Index files of the reference, and ours against them.
@Suite(.takesTurns) struct GoldenIndexTests {
    func configuration(_ root: String) -> StoreConfiguration {
        GoldenStoreTests().goldenConfiguration(root)
    }

    /// Which messages have a key, by topic and key.
    func places(_ messages: [Golden.ExpectedMessage]) -> [String: [String: [Int64]]] {
        var places: [String: [String: [Int64]]] = [:]
        for message in messages {
            var keys = Set(message.keys?.split(separator: " ").map(String.init) ?? [])
            if let id = message.uniqueId { keys.insert(id) }
            for key in keys { places[message.topic, default: [:]][key, default: []].append(message.commitLogOffset) }
        }
        return places
    }

    func expectFound(_ store: MessageStore, _ messages: [Golden.ExpectedMessage], every step: Int = 1) throws {
        for (topic, keys) in places(messages) {
            for (number, (key, offsets)) in keys.enumerated() where number % step == 0 || offsets.count > 1 {
                #expect(try store.offsets(topic, key) == offsets.sorted().suffix(64), "\(topic) \(key)")
            }
        }
    }

    @Test func everyKeyOfACleanStoreIsFound() throws {
        let folder = try TemporaryFolder()
        try copyDirectory(GoldenData.path("store-clean"), to: folder.sub("store"))
        let expected = try Golden.expected(Data(GoldenData.bytes("store-clean.expected.jsonl")))
        let store = try MessageStore(configuration(folder.sub("store")), logger: quiet)
        try expectFound(store, expected)
        let newest = try #require(expected.max { $0.commitLogOffset < $1.commitLogOffset })
        #expect(store.query(topic: "x", key: "y", maxCount: 1).indexedOffset == newest.commitLogOffset)
        try store.close()
    }

    @Test func whatWeAddIsInTheSameFile() async throws {
        let folder = try TemporaryFolder()
        try copyDirectory(GoldenData.path("store-clean"), to: folder.sub("store"))
        let expected = try Golden.expected(Data(GoldenData.bytes("store-clean.expected.jsonl")))
        let store = try MessageStore(configuration(folder.sub("store")), logger: quiet)
        try store.start()
        let new = try store.put("GoldenPlain", keys: "ours", uniqueId: "OURS").physicalOffset
        try await store.waitUntilIndexed()
        #expect(try store.offsets("GoldenPlain", "ours") == [new])
        try expectFound(store, expected)
        try store.close()
        let before = try IndexReader(try IndexReader.files(GoldenData.path("store-clean"))[0], slotCount: 1000, entryCount: 4000)
        let after = try IndexReader(try IndexReader.files(folder.sub("store"))[0], slotCount: 1000, entryCount: 4000)
        #expect(after.count == before.count + 2 && Array(after.entries.dropLast(2)) == before.entries)
    }

    @Test func aFileBuiltFromTheLogIsTheReferencesOwn() async throws {
        let folder = try TemporaryFolder()
        try copyDirectory(GoldenData.path("store-clean"), to: folder.sub("store"))
        try FileManager.default.removeItem(atPath: folder.sub("store/index"))
        let store = try MessageStore(configuration(folder.sub("store")), logger: quiet)
        try store.start()
        try await store.waitUntilIndexed()
        try store.close()
        let theirs = try IndexReader(try IndexReader.files(GoldenData.path("store-clean"))[0], slotCount: 1000, entryCount: 4000)
        let ours = try IndexReader(try IndexReader.files(folder.sub("store"))[0], slotCount: 1000, entryCount: 4000)
        #expect(ours.entries == theirs.entries)
        #expect(ours.firstDifference(from: theirs) == nil, "every byte of header, slots and entries")
    }

    @Test(arguments: [true, false]) func aCrashedStoreIsIndexed(keepingFiles: Bool) async throws {
        let folder = try TemporaryFolder()
        _ = try Golden.run("tar", ["xzf", GoldenData.path("store-crashed.tar.gz"), "-C", folder.path])
        let expected = try Golden.expected(try Golden.run("gzip", ["-dc", GoldenData.path("store-crashed.expected.jsonl.gz")]))
        let theirFiles = try IndexReader.files(folder.sub("store-crashed")).map { try IndexReader($0, slotCount: 1000, entryCount: 4000) }
        #expect(theirFiles.count == 8)
        if !keepingFiles { try FileManager.default.removeItem(atPath: folder.sub("store-crashed/index")) }
        let store = try MessageStore(configuration(folder.sub("store-crashed")), logger: quiet)
        try store.start()
        try await store.waitUntilIndexed()
        try expectFound(store, expected, every: 20)
        try store.close()
        let ourFiles = try IndexReader.files(folder.sub("store-crashed")).map { try IndexReader($0, slotCount: 1000, entryCount: 4000) }
        #expect(ourFiles.count == 8)
        for (ours, theirs) in zip(ourFiles, theirFiles).dropLast() { #expect(ours.firstDifference(from: theirs) == nil) }
        #expect(Array(ourFiles[7].entries.prefix(theirFiles[7].count - 1)) == theirFiles[7].entries)
    }
}
