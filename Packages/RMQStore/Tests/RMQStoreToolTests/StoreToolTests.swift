import Foundation
import RMQCommon
import RMQStore
import RMQStoreTool
import RMQTestSupport
import Synchronization
import Testing

/// What a person at the console sees.
@Suite(.takesTurns) struct StoreToolTests {
    @Test func aWholeStoreIsWhole() throws {
        let store = try SampleStore(messages: 600)
        let inspect = run("inspect", store.path)
        #expect(inspect.status == 0)
        #expect(inspect.text.contains("stopped cleanly") && inspect.text.contains("TopicA 0   0 .. 150"))
        let verify = run("verify", store.path)
        #expect(verify.status == 0, "\(verify.text)")
        #expect(verify.text.contains("600 records") && verify.text.contains("no damage"))
    }

    @Test func lookingChangesNothing() throws {
        let store = try SampleStore(messages: 300)
        let before = try fingerprint(store.path)
        for command in [["inspect"], ["verify"], ["dump"], ["dump", "--topic", "TopicA", "--queue", "1", "--json", "--body"], ["inspect", "--json"]] {
            #expect(run(command[0], store.path, command.dropFirst().map { $0 }).status == 0)
        }
        #expect(try fingerprint(store.path) == before)
    }

    @Test func theReferencesStoresAreWhole() throws {
        let golden = try GoldenData.path("store-clean")
        let verify = run("verify", golden)
        #expect(verify.status == 0, "\(verify.text)")
        #expect(verify.text.contains("99 records") && verify.text.contains("226 index entries"))
        let dump = run("dump", golden, ["--topic", "GoldenPlain", "--count", "0"])
        #expect(dump.text.split(separator: "\n").allSatisfy { $0.contains(" GoldenPlain ") } && dump.text.contains("UNIQ_KEY="))
    }

    @Test func aFlippedBitInABodyIsFoundWithItsPlace() throws {
        let store = try SampleStore(messages: 600)
        try flip(store.path + "/commitlog/00000000000000065536", at: 200)
        let verify = run("verify", store.path)
        #expect(verify.status == 1)
        #expect(verify.text.contains("the checksum of the body does not match") && verify.text.contains("first: log:"), "\(verify.text)")
        #expect(verify.text.contains("00000000000000065536 at byte "))
        // All the others are still read.
        #expect(verify.text.contains("599 records"))
    }

    @Test func damagedQueuesAreFoundAndRebuilt() throws {
        let store = try SampleStore(messages: 600)
        try flip(store.path + "/consumequeue/TopicA/0/00000000000000000000", at: 20 * 7 + 3)
        try FileManager.default.removeItem(atPath: store.path + "/consumequeue/TopicB/1")
        let verify = run("verify", store.path)
        #expect(verify.status == 1)
        #expect(verify.text.contains("TopicA/0/00000000000000000000 at byte 140: entry 7") && verify.text.contains("TopicB/1: 150 entries are missing"), "\(verify.text)")
        #expect(run("rebuild", store.path).status == 2)
        let rebuild = run("rebuild", store.path, ["--queues"])
        #expect(rebuild.status == 0, "\(rebuild.text)")
        let after = run("verify", store.path)
        #expect(after.status == 0, "\(after.text)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: store.path).allSatisfy { !$0.hasPrefix("rebuild") })
        // And the store goes on where it was.
        let reopened = try MessageStore(SampleStore.configuration(store.path), logger: .silent)
        #expect(reopened.maxOffset(topic: "TopicA", queueId: 0) == 150)
        try reopened.close()
    }

    @Test func aDeletedTopicIsNoDamage() throws {
        let store = try SampleStore(messages: 600)
        let open = try MessageStore(SampleStore.configuration(store.path), logger: .silent)
        try open.start()
        try open.deleteTopic("TopicB")
        try open.close()
        let verify = run("verify", store.path)
        #expect(verify.status == 0, "\(verify.text)")
        #expect(verify.text.contains("note: \(store.path)/consumequeue/TopicB/1: the queue was deleted; the log still has 150 of its messages"), "\(verify.text)")
        // A queue that is missing beside it is damage as ever.
        try FileManager.default.removeItem(atPath: store.path + "/consumequeue/TopicA/1")
        let damaged = run("verify", store.path)
        #expect(damaged.status == 1 && damaged.text.contains("TopicA/1: 150 entries are missing"), "\(damaged.text)")
    }

    @Test func aDamagedIndexIsFoundAndRebuilt() throws {
        let store = try SampleStore(messages: 600)
        let names = try FileManager.default.contentsOfDirectory(atPath: store.path + "/index").sorted()
        #expect(names.count == 2)
        try flip(store.path + "/index/" + names[0], at: 40 + 400 + 20 * 5 + 11)
        try FileManager.default.removeItem(atPath: store.path + "/index/" + names[1])
        let verify = run("verify", store.path)
        #expect(verify.status == 1 && verify.text.contains("entry 5 points to"), "\(verify.text)")
        #expect(run("rebuild", store.path, ["--index"]).status == 0)
        let after = run("verify", store.path)
        #expect(after.status == 0 && after.text.contains("600 index entries"), "\(after.text)")
    }

    @Test func recordsAreFoundByPlaceQueueAndKey() throws {
        let store = try SampleStore(messages: 100)
        let byQueue = run("dump", store.path, ["--topic", "TopicA", "--queue", "1", "--from", "3", "--count", "2", "--body"]).text.split(separator: "\n")
        #expect(byQueue.count == 4 && byQueue[0].contains(" TopicA 1 3 ") && byQueue[1] == "14")
        let byKey = run("dump", store.path, ["--topic", "TopicA", "--key", "key14", "--json", "--body"]).text
        #expect(byKey.contains("\"body\":\"14\"") && byKey.split(separator: "\n").count == 1)
        let all = run("dump", store.path, ["--count", "0"]).text.split(separator: "\n")
        #expect(all.count == 100)
        // In the middle of a record: the next one is meant.
        let second = try #require(Int(all[1].prefix { $0 != " " }))
        #expect(run("dump", store.path, ["--offset", "5", "--count", "1"]).text.hasPrefix("\(second) "))
    }

    @Test func aStoreInUseIsReadAndNotRebuilt() throws {
        let store = try SampleStore(messages: 50)
        let open = try MessageStore(SampleStore.configuration(store.path), logger: .silent)
        try open.start()
        #expect(run("inspect", store.path).text.contains("in use"))
        let verify = run("verify", store.path)
        #expect(verify.status == 0 && verify.text.contains("a broker uses the store"), "\(verify.text)")
        #expect(run("rebuild", store.path, ["--all"]).status == 4)
        try open.close()
    }

    @Test func wrongWordsAreRefused() throws {
        let store = try SampleStore(messages: 1)
        #expect(run("verify", "/nowhere").status == 3)
        let misspelt = run("verify", store.path, ["--jsn"])
        #expect(misspelt.status == 2 && misspelt.error.contains("there is no option --jsn"), "\(misspelt.error)")
        #expect(run("verify", store.path, ["--json=1"]).error.contains("--json takes no value"))
        #expect(run("inspect", store.path, ["--count", "3"]).error.contains("this command has no option --count"))
        #expect(run("dump", store.path, ["--queue", "1"]).status == 2)
        #expect(run("dump", store.path, ["--count", "many"]).error.contains("allowed is a whole number"))
        #expect(run("polish", store.path).status == 2)
        #expect(run("help", store.path).text.contains("usage: mqstore"))
    }
}
