import Foundation
@testable import RMQBroker
import RMQCommon
import RMQTestSupport
import Testing

/// The file of consumer offsets, with and without light queues.
@Suite(.takesTurns) struct OffsetFileTests {
    private func files(_ folder: String, _ offsets: ConsumerOffsets, light: Bool) -> ConfigurationFiles {
        ConfigurationFiles(
            directory: folder, topics: TopicTable(configuration: BrokerConfiguration(), clock: .system), groups: GroupTable(clock: .system),
            offsets: offsets, filters: ConsumerFilterTable(BrokerConfiguration(), logger: quiet, clocks: .system), hasLightQueues: light, workers: WorkerPool(name: "files", threadLimit: 1, queueLimit: 1),
            logger: Logger(category: "test", sink: DiscardSink()))
    }

    private func filled(light: Bool) throws -> ConsumerOffsets {
        let offsets = ConsumerOffsets(separatesLightGroups: light)
        try #require(offsets.progress(group: "g", topic: "T")).commit(7, queueId: 1)
        try #require(offsets.progress(group: "%LMQ%c", topic: "%LMQ%c")).commit(42, queueId: 0)
        return offsets
    }

    private func expectBoth(_ offsets: ConsumerOffsets) {
        #expect(offsets.existing(group: "g", topic: "T")?.all == [1: 7])
        #expect(offsets.existing(group: "%LMQ%c", topic: "%LMQ%c")?.all == [0: 42])
    }

    @Test func lightGroupsAreListedApartInAFileOfTheirOwn() throws {
        let folder = try TemporaryFolder()
        files(folder.path, try filled(light: true), light: true).write(.offsets)
        #expect(try FileSystem.list(folder.path) == ["lmqConsumerOffset.json"])
        let json = try JSONValue(parsing: try #require(try SmallFile.read(folder.path + "/lmqConsumerOffset.json")))
        #expect(json.text(.fastjson) == #"{"lmqOffsetTable":{"%LMQ%c@%LMQ%c":42},"offsetTable":{"T@g":{1:7}}}"#)
        let again = ConsumerOffsets(separatesLightGroups: true)
        try files(folder.path, again, light: true).load()
        expectBoth(again)
    }

    @Test(arguments: [true, false]) func changingTheKeyKeepsTheOffsets(light: Bool) throws {
        let folder = try TemporaryFolder()
        files(folder.path, try filled(light: !light), light: !light).write(.offsets)
        let offsets = ConsumerOffsets(separatesLightGroups: light)
        try files(folder.path, offsets, light: light).load()
        expectBoth(offsets)
        try #require(offsets.progress(group: "g", topic: "T")).commit(8, queueId: 1)
        files(folder.path, offsets, light: light).writeWhatIsDue()
        #expect(FileSystem.exists(folder.path + (light ? "/lmqConsumerOffset.json" : "/consumerOffset.json")))
    }
}
