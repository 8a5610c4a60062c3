import Foundation
import RMQCommon
import RMQStore
import RMQTestSupport
import Synchronization
import Testing

/// Messages that enter several queues.
@Suite(.takesTurns) struct MultiDispatchTests {
    func open(_ root: String, _ change: (inout StoreConfiguration) -> Void = { _ in }) throws -> MessageStore {
        var configuration = smallConfiguration(root)
        configuration.dispatchesToSeveral = true
        configuration.lightQueues = true
        change(&configuration)
        let store = try MessageStore(configuration, logger: quiet)
        try store.start()
        return store
    }

    @discardableResult
    func put(_ store: MessageStore, _ number: Int, to names: String) throws -> AppendResult {
        try store.put("T", more: [("INNER_MULTI_DISPATCH", names), ("n", "\(number)"), ("TAGS", "tag\(number % 2)")])
    }

    func numbers(_ store: MessageStore, _ topic: String) throws -> [String] {
        try store.everything(topic, 0).map { $0.properties["n"] ?? "none" }
    }

    @Test func aMessageIsInEachQueueAtAnOffsetOfItsOwn() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path)
        let arrivals = Mutex<[String]>([])
        store.setArrivalListener { topic, queueId, end, _ in arrivals.withLock { $0.append("\(topic) \(queueId) \(end)") } }
        try put(store, 0, to: "%LMQ%a,%LMQ%b")
        try put(store, 1, to: "%LMQ%b,")
        try put(store, 2, to: "%LMQ%a,%LMQ%a,T,Other")
        try store.put("T", more: [("n", "3")])
        #expect(try numbers(store, "T") == ["0", "1", "2", "3"])
        #expect(try numbers(store, "%LMQ%a") == ["0", "2"] && numbers(store, "%LMQ%b") == ["0", "1"] && numbers(store, "Other") == ["2"])
        let messages = try store.everything("T", 0)
        #expect(messages.map { $0.properties["INNER_MULTI_QUEUE_OFFSET"] } == ["0,0", "1", "1,1,2,0", nil])
        #expect(messages.allSatisfy { $0.body == [1] && $0.tags == (Int($0.properties["n"]!)! == 3 ? nil : "tag\(Int($0.properties["n"]!)! % 2)") })
        #expect(arrivals.withLock { $0 } == [
            "T 0 1", "%LMQ%a 0 1", "%LMQ%b 0 1", "T 0 2", "%LMQ%b 0 2", "T 0 3", "%LMQ%a 0 2", "Other 0 1", "T 0 4",
        ])
        let tagged = store.read(topic: "%LMQ%b", queueId: 0, offset: 0, maxCount: 32) { $0 == JavaString.tagsCode("tag1") }
        #expect(try tagged.messages().map { $0.properties["n"] } == ["1"])
        try store.close()
    }

    @Test func lightQueuesHaveQueueIdZero() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path)
        let encoder = RecordEncoder()
        let properties = MessageProperties([("INNER_MULTI_DISPATCH", "%LMQ%a,Other")]).encoded()
        let draft = try properties.withUnsafeBytes { properties in
            try encoder.encode(
                queue: store.queueHandle(topic: "T", queueId: 3), attributes: testAttributes, body: UnsafeRawBufferPointer(start: nil, count: 0),
                properties: properties)
        }
        try store.append(draft)
        #expect(store.maxOffset(topic: "%LMQ%a", queueId: 0) == 1 && store.maxOffset(topic: "Other", queueId: 3) == 1)
        try store.close()
    }

    @Test(arguments: ["clean", "crash", "without queues", "without a light queue"]) func theyAreThereAfterARestart(_ how: String) throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.sub("store"))
        for number in 0..<400 { try put(store, number, to: "%LMQ%\(number % 7),%LMQ%all") }
        var root = folder.sub("store")
        if how == "crash" {
            root = folder.sub("copy")
            try copyDirectory(folder.sub("store"), to: root)
        }
        try store.close()
        if how == "without queues" { try FileManager.default.removeItem(atPath: root + "/consumequeue") }
        if how == "without a light queue" { try FileManager.default.removeItem(atPath: root + "/consumequeue/%LMQ%3") }
        let again = try open(root)
        for number in 400..<420 { try put(again, number, to: "%LMQ%\(number % 7),%LMQ%all") }
        #expect(try numbers(again, "%LMQ%all") == (0..<420).map { "\($0)" } && numbers(again, "T") == (0..<420).map { "\($0)" })
        for light in 0..<7 { #expect(try numbers(again, "%LMQ%\(light)") == (0..<420).filter { $0 % 7 == light }.map { "\($0)" }) }
        #expect(try again.everything("%LMQ%all", 0).map { $0.properties["INNER_MULTI_QUEUE_OFFSET"] } == (0..<420).map { "\($0 / 7),\($0)" })
        try again.close()
    }

    @Test func underSynchronousFlushTooTheyFollow() async throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path) { $0.flush = .synchronous }
        for number in 0..<20 { try put(store, number, to: "%LMQ%a,%LMQ%b") }
        try await eventually("all are in their queue") { store.maxOffset(topic: "%LMQ%b", queueId: 0) == 20 }
        #expect(try numbers(store, "%LMQ%a") == (0..<20).map { "\($0)" })
        try store.close()
    }

    @Test func aDeletedLightQueueMakesRoomForAnother() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path) { $0.maxLightQueues = 3 }
        try put(store, 0, to: "%LMQ%a,%LMQ%b,%LMQ%c")
        #expect(throws: StoreError.tooManyLightQueues(limit: 3)) { try put(store, 1, to: "%LMQ%d") }
        try store.deleteTopic("%LMQ%b")
        try put(store, 2, to: "%LMQ%d")
        #expect(try numbers(store, "%LMQ%d") == ["2"])
        #expect(throws: StoreError.tooManyLightQueues(limit: 3)) { try put(store, 3, to: "%LMQ%e") }
        try store.close()
    }

    @Test func aDeletedLightQueueStaysDeletedAfterAKill() throws {
        let folder = try TemporaryFolder()
        let live = try open(folder.sub("live")) { $0.flushInterval = .seconds(3600) }
        for number in 0..<5 { try put(live, number, to: "%LMQ%a,%LMQ%b") }
        try live.deleteTopic("%LMQ%b")
        try put(live, 5, to: "%LMQ%a")
        try copyDirectory(folder.sub("live"), to: folder.sub("killed"))
        try live.close()
        let store = try open(folder.sub("killed"))
        #expect(store.topics == ["%LMQ%a", "T"])
        #expect(try numbers(store, "%LMQ%a") == (0..<6).map { "\($0)" } && numbers(store, "T") == (0..<6).map { "\($0)" })
        try store.close()
    }

    @Test func whatCannotBeIsRefused() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path) { $0.maxLightQueues = 3 }
        #expect(throws: StoreError.unsafeQueueName(topic: "../x", queueId: 0)) { try put(store, 0, to: "%LMQ%a,../x") }
        try put(store, 1, to: "%LMQ%a,%LMQ%b,%LMQ%c")
        #expect(throws: StoreError.tooManyLightQueues(limit: 3)) { try put(store, 2, to: "%LMQ%a,%LMQ%d") }
        let names = (0..<2000).map { "queue-number-\($0)" }.joined(separator: ",")
        #expect(throws: StoreError.self) { try put(store, 3, to: names) }
        try put(store, 4, to: "%LMQ%a")
        #expect(try numbers(store, "%LMQ%a") == ["1", "4"] && numbers(store, "T") == ["1", "4"])
        try put(store, 5, to: "  ")
        try store.close()
        let without = try open(folder.path) { $0.dispatchesToSeveral = false }
        try put(without, 6, to: "%LMQ%a")
        #expect(try numbers(without, "%LMQ%a") == ["1", "4"] && numbers(without, "T") == ["1", "4", "5", "6"])
        try without.close()
    }
}
