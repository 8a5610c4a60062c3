import Foundation
import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Testing

/// What one broker tells of its groups, producers and queues, and what it is told to clean up.
@Suite(.takesTurns) struct BrokerCommandsTests {
    // MARK: Progress of all groups

    /// The answer that a recorded table was made from.
    private static func stats(_ recording: Recording) throws -> BrokerConsumeStats {
        var stats = BrokerConsumeStats()
        var last = (group: "", topic: "")
        for line in recording.output.split(separator: "\n").dropFirst() {
            let words = line.split(separator: " ").map(String.init)
            if words.first == "Diff" {
                stats.totalDifference = try #require(Int64(words[2]))
                continue
            }
            let queue = MessageQueue(topic: words[0], brokerName: words[2], queueId: try #require(Int32(words[3])))
            let progress = try ConsumeStats.Progress { progress throws in
                progress.brokerOffset = try #require(Int64(words[4]))
                progress.consumerOffset = try #require(Int64(words[5]))
                progress.lastTimestamp = try #require(LocalTime.utc.parse(moment(words[7], words[8])))
            }
            if last.group != words[1] { stats.groupTables.append([ByteText(words[1]): []]) }
            if last.group != words[1] || last.topic != words[0] {
                stats.groupTables[stats.groupTables.count - 1][words[1], default: []].append(ConsumeStats())
            }
            last = (words[1], words[0])
            var parts = stats.groupTables[stats.groupTables.count - 1][words[1]] ?? []
            parts[parts.count - 1].queues[queue] = progress
            stats.groupTables[stats.groupTables.count - 1][words[1]] = parts
        }
        return stats
    }

    private static func servers(telling stats: BrokerConsumeStats) -> Servers {
        Servers { command, address in
            command.requestCode == .getBrokerConsumeStats ? .response(.success, body: stats.body) : Golden.answer(command, address)
        }
    }

    @Test(arguments: ["brokerConsumeStats", "brokerConsumeStats-o"])
    func progressOfAllGroups(_ name: String) async throws {
        let recording = try Recording(name)
        let servers = Self.servers(telling: try Self.stats(recording))
        try await Run(recording.words, servers: servers).expect(recording)
        #expect(servers.fields(asked: .getBrokerConsumeStats).first?["isOrder"] == (name == "brokerConsumeStats-o" ? "true" : "false"))
    }

    /// Queues with less lag are left out, and those that nobody has consumed from.
    @Test func onlyGroupsThatAreBehind() async throws {
        let recording = try Recording("brokerConsumeStats-l")
        var stats = try Self.stats(Recording("brokerConsumeStats"))
        stats.groupTables.append(["nobody": [ConsumeStats {
            $0.queues[MessageQueue(topic: "GoldenPlain", brokerName: "golden-a", queueId: 0)] = .init { $0.brokerOffset = 17 }
        }]])
        stats.totalDifference = 17
        try await Run(recording.words, servers: Self.servers(telling: stats)).expect(recording)
    }

    @Test func progressAsJSON() async throws {
        let recording = try Recording("brokerConsumeStats")
        let run = try await Run(recording.words + ["--json"], servers: Self.servers(telling: Self.stats(recording)))
        let json = try JSONValue(parsing: run.output)
        let first = try #require(json["queues"]?.asArray?.first)
        #expect(first["consumerGroup"]?.asString == "golden_trace_consumer")
        #expect(first["lastTimestamp"]?.asInt64 == LocalTime.utc.parse("2026-11-21#04:41:25:000"))
        #expect(json["totalDiff"]?.asInt64 != nil)
    }

    @Test(arguments: ["0", "-5", "x", "99999999999999999999"])
    func timeoutThatIsNone(_ text: String) async throws {
        let run = try await Run(["brokerConsumeStats", "-b", "127.0.0.1:30911", "-t", text])
        #expect(run.errors.contains("-t takes a whole number from 1 to 86400000, not \"\(text)\""))
    }

    // MARK: Cleaning up

    @Test(arguments: [
        "cleanExpiredCQ", "cleanExpiredCQ-b", "cleanExpiredCQ-c", "cleanExpiredCQ-c-unknown", "cleanUnusedTopic", "cleanUnusedTopic-b",
        "cleanUnusedTopic-c", "cleanUnusedTopic-c-slave", "cleanUnusedTopic-c-unknown", "deleteExpiredCommitLog", "deleteExpiredCommitLog-b",
        "deleteExpiredCommitLog-c", "deleteExpiredCommitLog-c-unknown",
    ])
    func cleaningIsToldAsRecorded(_ name: String) async throws {
        let recording = try Recording(name)
        try await Run(recording.words).expect(recording)
    }

    @Test(arguments: ["cleanExpiredCQ-b-unreachable", "deleteExpiredCommitLog-b-unreachable"])
    func brokerThatCannotBeToldIsNamed(_ name: String) async throws {
        let recording = try Recording(name)
        let run = try await Run(recording.words)
        #expect(run.output == recording.output)
        #expect(run.exitCode == recording.exitCode)
        #expect(run.errors.contains("Caused by: connect to 127.0.0.1:30999 failed\n"))
    }

    @Test(arguments: [
        ("cleanExpiredCQ", .cleanExpiredConsumequeue), ("cleanUnusedTopic", .cleanUnusedTopic), ("deleteExpiredCommitLog", .deleteExpiredCommitlog),
    ] as [(String, RequestCode)])
    func everyBrokerIsTold(_ name: String, _ code: RequestCode) async throws {
        let servers = Servers { command, address in
            switch command.requestCode {
            case .getBrokerClusterInfo: .response(.success, body: ServerConfigTests.infoWithSlave.body)
            case code: address == "127.0.0.1:30911" ? .response(.systemError, remark: "busy") : .response(.success)
            default: Golden.answer(command, address)
            }
        }
        let run = try await Run([name, "--exit-code"], servers: servers)
        #expect(servers.addresses(asked: code) == ["127.0.0.1:30911", "127.0.0.1:32911", "127.0.0.1:31911"])
        #expect(run.output == "success", "what became of the last broker")
        #expect(run.errors == "CODE: 1  DESC: busy BROKER: 127.0.0.1:30911\n")
        #expect(run.exitCode == 2)
    }

    // MARK: Producers

    @Test func producersOfAGroup() async throws {
        let recording = try Recording("producerConnection")
        let words = recording.output.split(separator: " ").map(String.init)
        let connection = ProducerConnection(connections: [ClientConnection {
            $0.clientId = words[1]
            $0.address = words[2]
            $0.language = .java
            $0.version = 409
        }])
        let servers = Servers { command, address in
            command.requestCode == .getProducerConnectionList ? .response(.success, body: connection.body) : Golden.answer(command, address)
        }
        try await Run(recording.words, servers: servers).expect(recording)
        let json = try JSONValue(parsing: await Run(recording.words + ["--json"], servers: servers).output)
        #expect(json.asArray?.first?["clientAddr"]?.asString == "127.0.0.1:36076")
        #expect(json.asArray?.first?["version"]?.asInt64 == 409)
    }

    @Test func groupWithoutProducersIsToldInTheBrokersWords() async throws {
        let recording = try Recording("producerConnection-unknownGroup")
        let refusal = try recording.refusal()
        let servers = Servers { command, address in
            switch command.requestCode {
            case .getProducerConnectionList: return refusal
            case .getRouteinfoByTopic:
                var route = Golden.route()
                route.brokers.removeLast()
                return .response(.success, body: route.body)
            default: return Golden.answer(command, address)
            }
        }
        try await Run(recording.words, servers: servers).expect(recording)
    }

    @Test(arguments: ["producerConnection-unknownTopic", "queryCq-unknownTopic"])
    func topicThatIsNotThere(_ name: String) async throws {
        let recording = try Recording(name)
        try await Run(recording.words).expect(recording)
    }

    /// Exception: two pairs of groups share a bucket of the reference's table, and then the order in which they came counts, which is not kept
    /// here. So lines are compared as a set.
    @Test func allProducersOfABroker() async throws {
        let recording = try Recording("producer")
        var table = ProducerTableInfo()
        for line in recording.output.split(separator: "\n") {
            let parts = line.split { "()=,".contains($0) }.map { String($0.drop { $0 == " " }) }
            let updated = try #require(Int64(parts[parts.count - 1])), version = try #require(Int32(parts[9]))
            table.groups[parts[1], default: []].append(.init {
                $0.clientId = parts[3]
                $0.remoteAddress = parts[5]
                $0.language = .java
                $0.version = version
                $0.lastUpdateTimestamp = updated
            })
        }
        let body = table.body
        let servers = Servers { command, address in
            command.requestCode == .getAllProducerInfo ? .response(.success, body: body) : Golden.answer(command, address)
        }
        let run = try await Run(recording.words, servers: servers)
        #expect(Set(run.output.split(separator: "\n")) == Set(recording.output.split(separator: "\n")))
        #expect(run.output.count == recording.output.count)
        let json = try JSONValue(parsing: await Run(recording.words + ["--json"], servers: servers).output)
        #expect(json.asArray?.count == recording.output.split(separator: "\n").count)
        #expect(json.asArray?.last?["producerGroup"]?.asString == "golden_tx_producer")
    }

    @Test func groupWithoutInstances() {
        #expect(ProducerCommand.render(ProducerTableInfo(groups: ["g": []])) == "producer group (g) instances are empty\n")
    }

    // MARK: Entries of a queue

    /// The answer that a recording shows.
    private static func entries(_ recording: Recording) throws -> ConsumeQueueEntries {
        var found = ConsumeQueueEntries()
        for part in recording.output.components(separatedBy: String(repeating: "=", count: 38) + "\n") where !part.isEmpty {
            let (head, rest) = try #require(String(part).cut(atFirst: "\n"))
            if head == "Subscription data: " { found.subscription = try SubscriptionData(json: JSONValue(parsing: rest)) }
            if head == "Filter data: " { found.filterData = String(rest.dropLast()) }
            if head == "Queue data: " {
                let numbers = rest.split { ": ,\n".contains($0) }
                (found.maxQueueIndex, found.minQueueIndex) = (try #require(Int64(numbers[1])), try #require(Int64(numbers[3])))
            }
            if head.hasPrefix("idx: ") { found.entries.append(try entry(rest)) }
        }
        return found
    }

    private static func entry(_ line: String) throws -> ConsumeQueueEntries.Entry {
        func value(_ name: String, until end: String) throws -> String {
            let rest = line[(try #require(line.firstRange(of: name))).upperBound...]
            return String(rest[..<(try #require(rest.firstRange(of: end))).lowerBound])
        }
        return try ConsumeQueueEntries.Entry { entry throws in
            entry.physicalOffset = try #require(Int64(value("physicOffset=", until: ",")))
            entry.size = try #require(Int32(value("physicSize=", until: ",")))
            entry.tagsCode = try #require(Int64(value("tagsCode=", until: ",")))
            entry.extensionJSON = try value("extendDataJson='", until: "', bitMap")
            entry.isMatch = try value("eval=", until: ",") == "true"
        }
    }

    private static func servers(holding entries: ConsumeQueueEntries) -> Servers {
        let body = entries.body
        return Servers { command, address in
            command.requestCode == .queryConsumeQueue ? .response(.success, body: body) : Golden.answer(command, address)
        }
    }

    @Test(arguments: ["queryCq", "queryCq-b-g", "queryCq-g-sql"])
    func entriesOfAQueue(_ name: String) async throws {
        let recording = try Recording(name)
        let servers = Self.servers(holding: try Self.entries(recording))
        try await Run(recording.words, servers: servers).expect(recording)
        #expect(servers.addresses(asked: .queryConsumeQueue) == ["127.0.0.1:30911"])
    }

    @Test func entriesAsJSON() async throws {
        let recording = try Recording("queryCq-g-sql")
        let run = try await Run(recording.words + ["--json"], servers: Self.servers(holding: Self.entries(recording)))
        let json = try JSONValue(parsing: run.output)
        #expect(json["filterData"]?["bloomFilterData"]?["bitNum"]?.asInt64 == 112)
        #expect(json["queueData"]?.asArray?.last?["index"]?.asInt64 == 1)
        #expect(json["queueData"]?.asArray?.last?["extendData"]?["tagsCode"]?.asInt64 == 2_598_919)
    }

    /// The reference fails with a null pointer there.
    @Test func indexBehindTheEndIsTold() async throws {
        let recording = try Recording("queryCq-beyond")
        let run = try await Run(recording.words)
        #expect(run.output == recording.output)
        #expect(run.exitCode == recording.exitCode)
        #expect(run.errors.contains("queue 0 of GoldenPlain at 127.0.0.1:30911 has no entry at index 99999"))
    }

    @Test func queueThatTheBrokerDoesNotHaveIsToldInItsWords() async throws {
        let recording = try Recording("queryCq-b-unknownTopic")
        let refusal = try recording.refusal()
        try await Run(recording.words, servers: Servers { _, _ in refusal }).expect(recording)
    }

    @Test(arguments: [["-q", "x", "-i", "0"], ["-q", "0", "-i", "99999999999999999999"], ["-q", "0", "-i", "0", "-c", "1.5"]])
    func numbersThatAreNone(_ words: [String]) async throws {
        let run = try await Run(["queryCq", "-t", "GoldenPlain"] + words)
        #expect(run.errors.contains("takes a whole number"))
        #expect(run.output.isEmpty)
    }
}
