import Foundation
import RMQCommon
@testable import RMQStore
import RMQTestSupport
import Testing

/// What becomes of index files between two runs.
@Suite(.takesTurns) struct IndexRecoveryTests {
    /// Messages with a key of their own, a shared one and a unique id: five index files.
    static func fill(_ store: MessageStore, _ numbers: Range<Int>) throws -> [Int64] {
        try numbers.map { try store.put("T", keys: "k\($0) shared\($0 % 10)", uniqueId: "ID\($0)").physicalOffset }
    }

    static func expectComplete(_ store: MessageStore, _ offsets: [Int64]) throws {
        for (number, offset) in offsets.enumerated() {
            #expect(try store.offsets("T", "k\(number)") == [offset])
            #expect(try store.offsets("T", "ID\(number)") == [offset])
        }
        for group in 0..<10 {
            #expect(try store.offsets("T", "shared\(group)") == stride(from: group, to: offsets.count, by: 10).map { offsets[$0] }.suffix(64))
        }
    }

    static func expectComplete(_ root: String, _ offsets: [Int64]) async throws {
        let store = try openStore(root)
        try await store.waitUntilIndexed()
        try expectComplete(store, offsets)
        try store.close()
    }

    /// No entry is there twice.
    static func expectNoDuplicates(_ root: String, messages: Int) throws {
        try expectEntries(root, messages * 3)
    }

    static func expectEntries(_ root: String, _ count: Int) throws {
        let readers = try IndexReader.files(root).map { try IndexReader($0, slotCount: 64, entryCount: 200) }
        #expect(readers.reduce(0) { $0 + $1.count - 1 } == count)
    }

    @Test func aRestartGoesOnWhereTheFilesEnd() async throws {
        let folder = try TemporaryFolder()
        var offsets: [Int64] = []
        for run in 0..<6 {
            let store = try openStore(folder.path)
            offsets += try Self.fill(store, run * 37..<(run + 1) * 37)
            // A stop waits for the index.
            try store.close()
        }
        try Self.expectNoDuplicates(folder.path, messages: offsets.count)
        try await Self.expectComplete(folder.path, offsets)
        try Self.expectNoDuplicates(folder.path, messages: offsets.count)
    }

    @Test func aKillLosesNothing() async throws {
        let folder = try TemporaryFolder()
        var configuration = smallConfiguration(folder.sub("store"))
        configuration.indexSaveInterval = .milliseconds(1)
        let store = try MessageStore(configuration, logger: quiet)
        try store.start()
        var offsets: [Int64] = []
        for run in 0..<8 {
            offsets += try Self.fill(store, run * 30..<(run + 1) * 30)
            try copyDirectory(folder.sub("store"), to: folder.sub("copy\(run)"))
            try await Self.expectComplete(folder.sub("copy\(run)"), offsets)
            try Self.expectNoDuplicates(folder.sub("copy\(run)"), messages: offsets.count)
        }
        try store.close()
    }

    enum Damage: CaseIterable {
        case allGone, firstGone, middleGone, lastGone, cutShort, emptied, zeroedHeader, zeroedEntries, garbage, foreignName
    }

    @Test(arguments: Damage.allCases, [false, true]) func damageIsRepaired(_ damage: Damage, afterCrash: Bool) async throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.path)
        let offsets = try Self.fill(store, 0..<300)
        try await store.waitUntilIndexed()
        try store.close()
        if afterCrash { _ = FileManager.default.createFile(atPath: folder.sub("abort"), contents: nil) }
        let files = try IndexReader.files(folder.path)
        #expect(files.count == 5)
        func overwrite(_ path: String, at position: UInt64, _ bytes: [UInt8]) throws {
            let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
            try handle.seek(toOffset: position)
            try handle.write(contentsOf: Data(bytes))
            try handle.close()
        }
        switch damage {
        case .allGone: try FileManager.default.removeItem(atPath: folder.sub("index"))
        case .firstGone: try FileManager.default.removeItem(atPath: files[0])
        case .middleGone: try FileManager.default.removeItem(atPath: files[2])
        case .lastGone: try FileManager.default.removeItem(atPath: files[4])
        case .cutShort: try Data(try Data(contentsOf: URL(fileURLWithPath: files[3])).dropLast(100)).write(to: URL(fileURLWithPath: files[3]))
        case .emptied: try Data().write(to: URL(fileURLWithPath: files[4]))
        case .zeroedHeader: try overwrite(files[1], at: 0, [UInt8](repeating: 0, count: 40))
        case .zeroedEntries: try overwrite(files[2], at: 40 + 256 + 20, [UInt8](repeating: 0, count: 199 * 20))
        case .garbage: try overwrite(files[4], at: 0, (0..<4296).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) })
        case .foreignName: try Data([1, 2, 3]).write(to: URL(fileURLWithPath: folder.sub("index/notes.txt")))
        }
        try await Self.expectComplete(folder.path, offsets)
        if damage == .foreignName { try FileManager.default.removeItem(atPath: folder.sub("index/notes.txt")) }
        try Self.expectNoDuplicates(folder.path, messages: offsets.count)
        // And it stays so.
        try await Self.expectComplete(folder.path, offsets)
    }

    @Test func entriesOfMessagesThatTheLogLostGo() async throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.path)
        let offsets = try Self.fill(store, 0..<300)
        try store.close()
        _ = FileManager.default.createFile(atPath: folder.sub("abort"), contents: nil)
        // Nothing says that it was on the disk: the log ends in the middle of what the second-last index file covers.
        try FileManager.default.removeItem(atPath: folder.sub("checkpoint"))
        let end = offsets[190]
        try overwriteLog(folder.path, at: end, with: [UInt8](repeating: 0, count: 65536 - Int(end % 65536)))
        let reopened = try openStore(folder.path)
        #expect(reopened.maxPhysicalOffset == end)
        let new = try reopened.put("T", keys: "new").physicalOffset
        #expect(new == end)
        try await reopened.waitUntilIndexed()
        try Self.expectComplete(reopened, Array(offsets[..<190]))
        #expect(try reopened.offsets("T", "k190") == [] && reopened.offsets("T", "k299") == [])
        #expect(try reopened.offsets("T", "new") == [new])
        try reopened.close()
        let readers = try IndexReader.files(folder.path).map { try IndexReader($0, slotCount: 64, entryCount: 200) }
        #expect(readers.reduce(0) { $0 + $1.count - 1 } == 190 * 3 + 1)
    }

    enum Cut: CaseIterable { case powerFailure, truncation }

    /// The log is cut and goes on with other messages; a power failure comes before the index on the disk knows.
    @Test(arguments: Cut.allCases, [false, true])
    func entriesThatTheLogLostDoNotComeBackForItsNewMessages(_ cut: Cut, newestFileIsGone: Bool) async throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.sub("store"))
        let offsets = try Self.fill(store, 0..<300)
        try store.close()
        let end = offsets[190]
        if cut == .powerFailure {
            _ = FileManager.default.createFile(atPath: folder.sub("store/abort"), contents: nil)
            var checkpoint = try Checkpoint.read(folder.sub("store/checkpoint"))
            checkpoint.own?.safeOffset = 0
            checkpoint.own?.cleanEnd = -1
            try checkpoint.write(folder.sub("store/checkpoint"), .system)
            try overwriteLog(folder.sub("store"), at: end, with: [UInt8](repeating: 0, count: 65536 - Int(end % 65536)))
        }
        // Nothing of the index gets to the disk in this run.
        var configuration = smallConfiguration(folder.sub("store"))
        configuration.indexesMessages = false
        let next = try MessageStore(configuration, logger: quiet)
        try next.start()
        if cut == .truncation { try next.truncate(to: end) }
        #expect(next.maxPhysicalOffset == end)
        // As long as the lost ones: each stands where one of them was.
        let new = try (190..<290).map { try next.put("T", keys: "n\($0) others\($0 % 10)", uniqueId: "NW\($0)").physicalOffset }
        #expect(new == Array(offsets[190..<290]))
        try next.flushEverything(leavingClean: false)
        try copyDirectory(folder.sub("store"), to: folder.sub("failed"))
        try next.close()
        if newestFileIsGone { try FileManager.default.removeItem(atPath: try #require(try IndexReader.files(folder.sub("failed")).last)) }
        let failed = try openStore(folder.sub("failed"))
        try await failed.waitUntilIndexed()
        for number in 0..<190 { #expect(try failed.offsets("T", "k\(number)") == [offsets[number]]) }
        for number in 190..<290 { #expect(try failed.offsets("T", "n\(number)") == [offsets[number]]) }
        try failed.close()
        try Self.expectEntries(folder.sub("failed"), 290 * 3)
    }

    @Test func aCutOfTheLogCutsTheIndex() async throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.path)
        var offsets = try Self.fill(store, 0..<300)
        try await store.waitUntilIndexed()
        for kept in [250, 120, 3] {
            try store.truncate(to: offsets[kept])
            // Other messages take the place of those that went, before the index can have noticed.
            offsets = try offsets[..<kept] + Self.fill(store, kept..<300)
            try await store.waitUntilIndexed()
            try await eventually("the index has followed the log") {
                try (0..<300).allSatisfy { try store.offsets("T", "ID\($0)") == [offsets[$0]] }
            }
        }
        try Self.expectComplete(store, offsets)
        try store.close()
        try Self.expectNoDuplicates(folder.path, messages: 300)
    }

    @Test func filesOfDeletedMessagesGo() async throws {
        let folder = try TemporaryFolder()
        let clock = HandClock(WallClock.nowMilliseconds())
        var configuration = smallConfiguration(folder.path)
        configuration.retention.interval = .milliseconds(5)
        configuration.retention.pauseBetweenSegments = .zero
        configuration.retention.deletionHours = []
        let store = try MessageStore(configuration, logger: quiet, clocks: clock.clocks)
        try store.start()
        var offsets: [Int64] = []
        while store.maxPhysicalOffset < 4 * 65536 {
            offsets.append(try store.put("T", keys: "k\(offsets.count)", uniqueId: "ID\(offsets.count)", body: [UInt8](repeating: 1, count: 200)).physicalOffset)
        }
        try await store.waitUntilIndexed()
        let before = try IndexReader.files(folder.path)
        clock.advance(.milliseconds(100 * 3_600_000))
        store.requestDeletion()
        try await eventually("an index file is deleted") { try IndexReader.files(folder.path).count < before.count }
        let minimum = store.minPhysicalOffset
        #expect(minimum >= 3 * 65536)
        try await eventually("all that is behind the log is deleted") {
            try IndexReader.files(folder.path).allSatisfy { try IndexReader($0, slotCount: 64, entryCount: 200).endOffset >= minimum }
        }
        for (number, offset) in offsets.enumerated() where offset >= minimum || number % 50 == 0 {
            #expect(try store.offsets("T", "k\(number)") == (offset >= minimum ? [offset] : []))
        }
        try store.close()
        let reopened = try MessageStore(configuration, logger: quiet, clocks: clock.clocks)
        try reopened.start()
        try await reopened.waitUntilIndexed()
        for (number, offset) in offsets.enumerated() where offset >= minimum { #expect(try reopened.offsets("T", "k\(number)") == [offset]) }
        try reopened.close()
    }

    /// Whatever an index file contains: queries end, and return only messages that have the key.
    @Test(arguments: 0..<12) func noContentOfAFileIsDangerous(_ seed: Int) async throws {
        var random = SeededRandom(seed: UInt64(seed))
        let folder = try TemporaryFolder()
        let store = try openStore(folder.sub("store"))
        let offsets = try Self.fill(store, 0..<150)
        try store.close()
        for round in 0..<6 {
            let copy = folder.sub("copy\(round)")
            try copyDirectory(folder.sub("store"), to: copy)
            for path in try IndexReader.files(copy) {
                var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
                for _ in 0..<Int.random(in: 0...40, using: &random) {
                    let position = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                    case 1: bytes[position] = UInt8.random(in: 0...255, using: &random)
                    default: for index in position..<min(bytes.count, position + 64) { bytes[index] = [0, 0x7F, 0xFF].randomElement(using: &random)! }
                    }
                }
                try Data(bytes).write(to: URL(fileURLWithPath: path))
            }
            if Bool.random(using: &random) { _ = FileManager.default.createFile(atPath: copy + "/abort", contents: nil) }
            let reopened = try openStore(copy)
            for (number, offset) in offsets.enumerated() {
                let found = try reopened.offsets("T", "k\(number)")
                #expect(found == [offset] || found == [])
                for other in try reopened.offsets("T", "shared\(number % 10)") { #expect(offsets.firstIndex(of: other)! % 10 == number % 10) }
            }
            let new = try reopened.put("T", keys: "new").physicalOffset
            try await reopened.waitUntilIndexed()
            #expect(try reopened.offsets("T", "new") == [new])
            try reopened.close()
        }
    }
}
