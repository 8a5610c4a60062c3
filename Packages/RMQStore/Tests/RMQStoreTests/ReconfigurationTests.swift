import Foundation
import RMQCommon
import RMQTestSupport
import Testing

@testable import RMQStore

/// What changes in a running store, and what stays.
@Suite(.takesTurns) struct ReconfigurationTests {
    @Test func onlyWhatMayChangeDoes() throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.path)
        var changed = StoreConfiguration(rootDirectory: "/elsewhere", commitLogDirectories: ["/elsewhere/log"])
        changed.flush = .synchronous
        changed.segmentBytes = 1 << 20
        changed.flushInterval = .milliseconds(7)
        changed.retention.deletionHours = [1, 2]
        changed.transferLimits.memoryPercent = 1
        try store.reconfigure(changed)
        var expected = store.configuration
        expected.flushInterval = .milliseconds(7)
        expected.retention.deletionHours = [1, 2]
        expected.transferLimits.memoryPercent = 1
        #expect(store.currentConfiguration == expected)
        #expect(store.configuration.rootDirectory == folder.path)
        try store.close()
    }

    @Test func aConfigurationThatNoStoreCouldHaveIsRefused() throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.path)
        var changed = store.configuration
        changed.retention.refusePercent = 101
        changed.maxQueryCount = 1
        #expect(throws: StoreError.self) { try store.reconfigure(changed) }
        #expect(store.currentConfiguration == store.configuration)
        try store.close()
    }

    /// The thread sleeps for an hour when the interval becomes short.
    @Test func theFlusherHeedsAShorterInterval() async throws {
        let folder = try TemporaryFolder()
        let store = try openStore(unflushedConfiguration(folder.path))
        try store.put("T", 0, text: "x")
        var changed = store.configuration
        changed.flushInterval = .milliseconds(1)
        changed.flushLeastPages = 0
        try store.reconfigure(changed)
        try await eventually("the first message is on the disk") { store.commit.flushedOffset == store.maxPhysicalOffset }
        try store.put("T", 0, text: "y")
        try await eventually("the second message is on the disk") { store.commit.flushedOffset == store.maxPhysicalOffset }
        try store.close()
    }

    @Test func readsKeepToTheNewLimits() throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.path)
        for number in 0..<10 { try store.put("T", 0, text: "\(number)") }
        #expect(store.read(topic: "T", queueId: 0, offset: 0, maxCount: 32).messageCount == 10)
        var changed = store.configuration
        changed.transferLimits.countInMemory = 3
        changed.transferLimits.countOnDisk = 3
        try store.reconfigure(changed)
        #expect(store.read(topic: "T", queueId: 0, offset: 0, maxCount: 32).messageCount == 3)
        try store.close()
    }

    /// Files that would stay for three days go as soon as they may stay for an hour, and the disk is looked at with other eyes.
    @Test func retentionHeedsAShorterTime() async throws {
        let fixture = try RetentionTests.Fixture { $0.retention.interval = .seconds(3600) }
        let store = fixture.store
        try fixture.fill()
        fixture.clock.advance(.seconds(2 * 3600))
        var changed = store.configuration
        changed.retention.deletionHours = Array(0...23)
        changed.retention.interval = .milliseconds(5)
        try store.reconfigure(changed)
        changed.retention.reservedTime = .seconds(3600)
        try store.reconfigure(changed)
        try await eventually("the old files are deleted") { store.minPhysicalOffset == fixture.lastSegment }
        try store.close()
    }

    @Test(arguments: [
        ("1s 5s 10s 30s 1m 2m 10m 1h 2h", "1s 5s 10s 30s 1m 2m 10m 1h 2h"), ("60s 90s 60m 24h 48h 0s", "1m 90s 1h 1d 2d 0s"),
    ])
    func delayLevelsAreShownInTheLargestUnit(given: String, shown: String) throws {
        let levels = try #require(StoreConfiguration.delayLevels(parsing: given))
        #expect(StoreConfiguration.text(ofDelayLevels: levels) == shown)
        #expect(StoreConfiguration.delayLevels(parsing: shown) == levels)
    }
}
