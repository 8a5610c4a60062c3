@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Synchronization
import Testing

/// `resetOffsetByTime` and `skipAccumulatedMessage`: groups with members, whom brokers tell, and groups without, whose offsets are stored.
@Suite(.takesTurns) struct OffsetResetTests {
    /// One row of a recorded table: broker and queue, then the numbers.
    private struct Row {
        var queue: MessageQueue
        var numbers: [Int64]

        static func all(in recording: Recording) throws -> [Row] {
            try recording.output.split(separator: "\n").filter { $0.hasPrefix("golden-") }.map { line in
                let words = line.split(separator: " ").map(String.init)
                return Row(
                    queue: MessageQueue(topic: "GoldenPlain", brokerName: words[0], queueId: try #require(Int32(words[1]))),
                    numbers: try words.dropFirst(2).map { try #require(Int64($0)) })
            }
        }
    }

    private static func broker(at address: String) -> String { Golden.masters.first { $0.value == address }?.key ?? "" }

    // MARK: With members

    /// Brokers that tell the members these offsets.
    private static func telling(_ rows: [Row], asked: @escaping @Sendable (RemotingCommand) -> Void = { _ in }) -> Servers {
        Servers { command, address in
            guard command.requestCode == .invokeBrokerToResetOffset else { return Golden.answer(command, address) }
            asked(command)
            let own = rows.filter { $0.queue.brokerName == broker(at: address) }
            return .response(.success, body: ResetOffsets(Dictionary(uniqueKeysWithValues: own.map { ($0.queue, $0.numbers[0]) })).body)
        }
    }

    @Test(arguments: [
        "resetOffsetByTime-online", "resetOffsetByTime-online-c", "resetOffsetByTime-online-f", "resetOffsetByTime-online-f-false",
        "skipAccumulatedMessage-online",
    ])
    func membersAreTold(_ name: String) async throws {
        let recording = try Recording(name)
        let languages = Mutex<[LanguageCode]>([])
        let servers = Self.telling(try Row.all(in: recording)) { command in languages.withLock { $0.append(command.language) } }
        try await Run(recording.words, servers: servers).expect(recording)
        let fields = servers.fields(asked: .invokeBrokerToResetOffset)
        #expect(fields.map { $0["timestamp"] } == Array(repeating: name == "resetOffsetByTime-online-f" ? "1795235932000" : "-1", count: 2))
        #expect(fields.allSatisfy { $0["isForce"] == (name.hasSuffix("-false") ? "false" : "true") })
        #expect(languages.withLock { $0 }.allSatisfy { ($0 == .cpp) == name.hasSuffix("-c") })
    }

    @Test func whatMembersWereToldIsShownAsJSON() async throws {
        let recording = try Recording("resetOffsetByTime-online")
        let servers = Self.telling(try Row.all(in: recording))
        let json = try JSONValue(parsing: try await Run(recording.words + ["--json"], servers: servers).output)
        #expect(json["online"] == true && json["offsets"]?.asArray?.count == 8)
        #expect(json["offsets"]?.asArray?.first?["brokerName"] == "golden-a" && json["offsets"]?.asArray?.first?["offset"] == 7)
    }

    @Test(arguments: ["resetOffsetByTime-unknownGroup", "resetOffsetByTime-broadcast", "skipAccumulatedMessage-unknownGroup"])
    func aRefusalIsToldInTheBrokersWords(_ name: String) async throws {
        let recording = try Recording(name)
        let refusal = try recording.refusal()
        let servers = Servers { command, address in
            command.requestCode == .invokeBrokerToResetOffset ? refusal : Golden.answer(command, address)
        }
        try await Run(recording.words, servers: servers).expect(recording)
    }

    @Test func anUnknownTopicIsTold() async throws {
        let recording = try Recording("resetOffsetByTime-unknownTopic")
        try await Run(recording.words).expect(recording)
    }

    /// The reference fails with a null pointer.
    @Test func aTimeThatIsNoneAsksNobody() async throws {
        let recording = try Recording("resetOffsetByTime-badTime")
        let servers = Servers(Golden.answer)
        let run = try await Run(recording.words, servers: servers)
        #expect(run.output == recording.output && run.exitCode == recording.exitCode)
        #expect(run.errors.contains("-s takes now, milliseconds since 1970 or yyyy-MM-dd#HH:mm:ss:SSS, not \"yesterday\"."))
        #expect(servers.addresses(asked: .getRouteinfoByTopic).isEmpty)
    }

    // MARK: Without members

    /// Brokers of a group without members whose offsets are those of a recorded table: broker, consumer, found offset.
    private static func away(_ rows: [Row], hasConsumed: Bool = true) -> Servers {
        Servers { command, address in
            let queueId = command.fields?["queueId"].flatMap { Int32($0) }
            let own = rows.filter { $0.queue.brokerName == broker(at: address) }
            switch command.requestCode {
            case .invokeBrokerToResetOffset: return .response(.consumerNotOnline, remark: "Consumer not online, so can not reset offset")
            case .getConsumeStats:
                var stats = ConsumeStats()
                for row in hasConsumed ? own : [] {
                    stats.queues[row.queue] = .init {
                        $0.brokerOffset = row.numbers[0]
                        $0.consumerOffset = row.numbers[1]
                    }
                }
                let retries = MessageQueue(topic: "%RETRY%tool_group_c", brokerName: broker(at: address), queueId: 0)
                stats.queues[retries] = .init { $0.consumerOffset = 1 }
                return .response(.success, body: stats.body)
            case .getTopicStatsInfo:
                var ranges = TopicStatsTable()
                for row in own {
                    ranges.queues[row.queue] = .init {
                        $0.maxOffset = row.numbers[0]
                        $0.minOffset = row.numbers[1]
                    }
                }
                return .response(.success, body: ranges.body)
            case .getMaxOffset, .searchOffsetByTimestamp:
                let found = own.first { $0.queue.queueId == queueId }
                return .response(.success, header: OffsetResponseHeader(offset: found?.numbers[2] ?? 0))
            default: return Golden.answer(command, address)
            }
        }
    }

    @Test(arguments: [
        "resetOffsetByTime-offline", "resetOffsetByTime-offline-back", "resetOffsetByTime-offline-f-false", "skipAccumulatedMessage-offline",
        "skipAccumulatedMessage-f-false",
    ])
    func offsetsAreStored(_ name: String) async throws {
        let recording = try Recording(name)
        let rows = try Row.all(in: recording)
        let servers = Self.away(rows)
        try await Run(recording.words, servers: servers).expect(recording)
        let stored = servers.fields(asked: .updateConsumerOffset)
        #expect(stored.map { $0["commitOffset"] } == rows.map { "\($0.numbers[3])" })
        #expect(stored.allSatisfy { $0["consumerGroup"] == "tool_group_c" && $0["topic"] == "GoldenPlain" })
        #expect(servers.addresses(asked: .searchOffsetByTimestamp).count == (name.contains("back") || name.contains("resetOffsetByTime-offline-f") ? 8 : 0))
    }

    @Test func withoutForceAGroupOnlyGoesBack() async throws {
        let servers = Self.away(try Row.all(in: Recording("skipAccumulatedMessage-offline")))
        let run = try await Run(["skipAccumulatedMessage", "-g", "tool_group_c", "-t", "GoldenPlain", "-f", "false", "--json"], servers: servers)
        #expect(servers.fields(asked: .updateConsumerOffset).isEmpty)
        let first = try JSONValue(parsing: run.output)["offsets"]?.asArray?.first
        #expect(first?["timestampOffset"] == 7 && first?["offset"] == 0 && first?["consumerOffset"] == 0)
    }

    /// Such a group stands at the beginning of every queue.
    @Test func aGroupThatNeverConsumedIsSetAsWell() async throws {
        let rows = try Row.all(in: Recording("skipAccumulatedMessage-offline"))
        let servers = Self.away(rows, hasConsumed: false)
        let run = try await Run(["skipAccumulatedMessage", "-g", "tool_group_c", "-t", "GoldenPlain"], servers: servers)
        #expect(Set(run.output.split(separator: "\n")) == Set(try Recording("skipAccumulatedMessage-offline").output.split(separator: "\n")))
        #expect(servers.fields(asked: .updateConsumerOffset).count == 8)
    }
}
