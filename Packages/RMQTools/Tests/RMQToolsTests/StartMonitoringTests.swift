import Foundation
@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Synchronization
import Testing

/// `startMonitoring`: what it reports, and when.
@Suite(.takesTurns) struct StartMonitoringTests {
    private static let group = "golden_lag_consumer"
    private static let now: Int64 = 1_795_236_128_000
    private static let event = """
        {"consumerGroup":"g","messageQueue":{"brokerName":"golden-a","queueId":3,"topic":"T"},"offsetNew":10,"offsetRequest":5}
        """

    /// One group with two queues on one broker and one member, and as many events as are given.
    private static func servers(
        events: [String] = [], firstEvent: Int64? = 0, info: ConsumerRunningInfo = StartMonitoringTests.stuck
    ) -> Servers {
        Servers { command, address in
            let topic = command.fields?["topic"] ?? ""
            switch command.requestCode {
            case .getAllTopicListFromNameserver: return .response(.success, body: RMQRemoting.TopicList(["T", "%RETRY%" + group, "%RETRY%gone"]).body)
            case .getRouteinfoByTopic:
                var route = Golden.route(queues: 1)
                route.brokers.removeLast()
                route.queues.removeLast()
                return .response(.success, body: route.body)
            case .getConsumerConnectionList:
                guard command.fields?["consumerGroup"] == group else { return .response(.consumerNotOnline, remark: "not online") }
                let members = ConsumerConnection {
                    $0.connections = [ClientConnection {
                        $0.clientId = "client"
                        $0.version = 409
                    }]
                }
                return .response(.success, body: members.body)
            case .getConsumeStats: return .response(.success, body: progress.body)
            case .getConsumerRunningInfo: return .response(.success, body: info.body)
            case .queryConsumerOffset:
                guard let firstEvent else { return .response(.queryNotFound, remark: "no") }
                return .response(.success, header: OffsetResponseHeader(offset: firstEvent))
            case .getMaxOffset: return .response(.success, header: OffsetResponseHeader(offset: Int64(events.count)))
            case .pullMessage where topic == SystemTopic.offsetMoved: return pull(events, command)
            case .pullMessage: return pull(["newest"], from: 9, command)
            default: return Golden.answer(command, address)
            }
        }
    }

    /// The messages with these bodies, the first of them at `start`.
    private static func pull(_ bodies: [String], from start: Int64 = 0, _ command: RemotingCommand) -> RemotingCommand {
        let offset = command.fields?["queueOffset"].flatMap { Int64($0) } ?? 0, end = start + Int64(bodies.count)
        let found = bodies.enumerated().filter { start + Int64($0.offset) >= offset }.map { index, body in
            var message = ShownMessage.empty
            message.body = Array(body.utf8)
            message.queueOffset = start + Int64(index)
            message.storeTimestamp = now - 1_000
            return message
        }
        let header = PullMessageResponseHeader {
            $0.nextBeginOffset = end
            $0.maxOffset = end
        }
        return .response(found.isEmpty ? .pullNotFound : .success, header: header, body: found.flatMap { MessageRecord.encode($0) })
    }

    /// Queue 0 has four messages left, queue 1 none.
    private static var progress: ConsumeStats {
        var stats = ConsumeStats()
        for (queueId, consumed) in [(0, 6), (1, 10)] as [(Int32, Int64)] {
            stats.queues[MessageQueue(topic: "T", brokerName: "golden-a", queueId: queueId)] = .init {
                $0.brokerOffset = 10
                $0.consumerOffset = consumed
                $0.lastTimestamp = now - 91_000
            }
        }
        return stats
    }

    /// A member whose queue does not move, and that failed to consume three messages.
    private static var stuck: ConsumerRunningInfo {
        ConsumerRunningInfo {
            $0.properties = ["PROP_CONSUME_TYPE": "CONSUME_PASSIVELY", "PROP_CONSUMER_START_TIMESTAMP": "1"]
            $0.subscriptions = [SubscriptionData { $0.topic = "T" }]
            $0.queues = [MessageQueue(topic: "T", brokerName: "golden-a", queueId: 0): ConsumerRunningInfo.Queue {
                $0.cachedCount = 4
                $0.lastConsumeTime = now - 61_000
            }]
            $0.status = ["T": ConsumerRunningInfo.Status { $0.failedInHour = 3 }]
        }
    }

    /// Runs until so many pauses have passed.
    private static func run(_ servers: Servers, pauses: Int, words: [String] = []) async throws -> Run {
        let left = Mutex(pauses)
        return try await Run(["startMonitoring"] + words, servers: servers) { _ in
            try left.withLock { left in
                guard left > 0 else { throw CancellationError() }
                left -= 1
            }
        }
    }

    /// The recorded call was ended by a signal before the first round, hence its exit code.
    @Test func nothingIsReportedBeforeTheFirstRound() async throws {
        let recording = try Recording("startMonitoring")
        let run = try await Self.run(Self.servers(), pauses: 1)
        #expect(run.output == recording.output && run.errors.isEmpty)
    }

    @Test func aRoundReportsWhatIsLeftAndWhatIsStuck() async throws {
        let run = try await Self.run(Self.servers(), pauses: 2)
        let start = "2026-11-21 04:42:08 [MONITOR] ", rule = String(repeating: "=", count: 41)
        let member = " [NOTIFY] reportConsumerRunningInfo: ConsumerGroup: golden_lag_consumer, ClientId: client, client "
        #expect(run.output.split(separator: "\n").map(String.init) == [
            rule + "beginRound",
            "reportUndoneMsgs: UndoneMsgs [consumerGroup=golden_lag_consumer, topic=T, undoneMsgsTotal=4, undoneMsgsSingleMQ=4, "
                + "undoneMsgsDelayTimeMills=90000]",
            "reportFailedMsgs: FailedMsgs [consumerGroup=golden_lag_consumer, topic=T, failedMsgsTotalRecently=3]",
            member + "MessageQueue [topic=T, brokerName=golden-a, queueId=0] can't consume for a while, maybe blocked, 61000ms",
            rule + "endRound",
        ].map { start + $0 })
        #expect(run.errors.isEmpty)
    }

    @Test func aMemberThatSubscribesToNothingIsReported() async throws {
        var info = Self.stuck
        info.subscriptions = []
        let run = try await Self.run(Self.servers(info: info), pauses: 2)
        #expect(run.output.contains("[MONITOR]  [NOTIFY] reportConsumerRunningInfo: ConsumerGroup: golden_lag_consumer, Subscription different\n"))
    }

    @Test func roundsFollowEachOtherByAMinute() async throws {
        for (pauses, rounds) in [(7, 1), (8, 2), (13, 2), (14, 3)] {
            #expect(try await Self.run(Self.servers(), pauses: pauses).output.components(separatedBy: "beginRound").count - 1 == rounds)
        }
    }

    @Test func eventsAreReportedOnceAndNotOnlyInRounds() async throws {
        let servers = Self.servers(events: [Self.event, "no event"])
        let run = try await Self.run(servers, pauses: 1)
        #expect(run.output == "2026-11-21 04:42:08 [MONITOR] reportDeleteMsgsEvent: DeleteMsgsEvent [offsetMovedEvent=OffsetMovedEvent "
            + "[consumerGroup=g, messageQueue=MessageQueue [topic=T, brokerName=golden-a, queueId=3], offsetRequest=5, offsetNew=10], "
            + "eventTimestamp=1795236127000]\n")
        #expect(servers.fields(asked: .updateConsumerOffset).map { $0["commitOffset"] } == ["2"])
        #expect(servers.fields(asked: .updateConsumerOffset).first?["consumerGroup"] == "__MONITOR_CONSUMER")
        let later = try await Self.run(Self.servers(events: [Self.event], firstEvent: nil), pauses: 1)
        #expect(later.output.isEmpty, "who has no place yet begins at the end")
    }

    /// The queues of the events are on two brokers, of which one is busy.
    @Test func oneQueueThatFailsDoesNotHideTheEventsOfTheOthers() async throws {
        let all = Self.servers(events: [Self.event])
        let servers = Servers { command, address in
            switch command.requestCode {
            case .getRouteinfoByTopic: .response(.success, body: Golden.route(queues: 1).body)
            case .pullMessage where address == "127.0.0.1:30911": .response(.systemBusy, remark: "busy")
            default: all.answer(command, address)
            }
        }
        let run = try await Self.run(servers, pauses: 1)
        #expect(run.output.contains("reportDeleteMsgsEvent"))
        #expect(run.errors.contains("DESC: busy"))
    }

    @Test func anEventThatCannotBeReadIsPassedOver() async throws {
        let all = Self.servers(events: ["broken", Self.event])
        let servers = Servers { command, address in
            guard command.requestCode == .pullMessage, command.fields?["queueOffset"] == "0", var answer = all.answer(command, address) else {
                return all.answer(command, address)
            }
            answer.body = [UInt8](repeating: 0xFF, count: 8)
            return answer
        }
        let run = try await Self.run(servers, pauses: 2)
        #expect(run.output.contains("reportDeleteMsgsEvent"))
        #expect(run.errors.split(separator: "\n").count == 1 && run.errors.contains("the answer cannot be read"))
        #expect(servers.fields(asked: .updateConsumerOffset).map { $0["commitOffset"] } == ["1", "2"])
    }

    @Test func everyReportIsALineOfJSON() async throws {
        let run = try await Self.run(Self.servers(events: [Self.event]), pauses: 2, words: ["--json"])
        let lines = try run.output.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
        #expect(lines.map { $0["event"]?.asString } == ["deleteMsgs", "beginRound", "undoneMsgs", "failedMsgs", "blocked", "endRound"])
        #expect(lines[0]["messageQueue"]?["queueId"] == 3 && lines[0]["time"] == .integer(Self.now))
        #expect(lines[2]["undoneMsgsDelayTimeMills"] == 90_000)
    }

    @Test func itGoesOnWhenNoServerAnswers() async throws {
        let run = try await Self.run(Servers { _, _ in nil }, pauses: 3)
        #expect(run.output.isEmpty)
        #expect(run.errors.components(separatedBy: "connect to [127.0.0.1:29876] failed\n").count == 5, "three looks and a round")
    }
}
