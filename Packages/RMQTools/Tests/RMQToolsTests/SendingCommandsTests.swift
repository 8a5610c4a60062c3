@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Synchronization
import Testing

/// Commands that send, with a stand-in for the producer.
@Suite(.takesTurns) struct SendingCommandsTests {
    // MARK: sendMessage

    @Test(arguments: ["sendMessage", "sendMessage-b", "sendMessage-b-i", "sendMessage-newTopic", "sendMessage-acl", "sendMessage-m"])
    func oneMessage(_ name: String) async throws {
        let recording = try Recording(name)
        let shown = recording.output.split(separator: "\n")[1].split(separator: " ").map(String.init)
        let queue = MessageQueue(topic: recording.words[2], brokerName: shown[0], queueId: try #require(Int32(shown[1])))
        let sender = RecordingSender { _, _, _ in .stored(in: queue, id: shown[3], offsetId: "7F00", offset: 0, milliseconds: 1) }
        try await Run(recording.words, sender: sender).expect(recording)
        #expect(sender.opened.map(\.isTraced) == [name == "sendMessage-m"])
        #expect(sender.closedCount == 1)
        #expect(sender.sent.map { $0.message.topic } == [recording.words[2]])
    }

    @Test(arguments: ["sendMessage-acl-denied", "sendMessage-acl-unsigned", "sendMessage-acl-wrongSecret"])
    func refusedMessage(_ name: String) async throws {
        let recording = try Recording(name)
        let refusal = try recording.refusal()
        let code = refusal.responseCode, remark = refusal.remark
        let sender = RecordingSender { _, _, _ in
            .failed(ClientError(.refused, "refused", responseCode: code, remark: remark, server: .broker("127.0.0.1:33911")))
        }
        let run = try await Run(recording.words, sender: sender)
        run.expect(recording)
        #expect(run.errors.hasPrefix("SendMessageCommand command failed\nCaused by: CODE: 1  DESC: "))
        #expect(sender.closedCount == 1, "also after a failure")
        #expect(try await Run(recording.words + ["--exit-code"], sender: sender).exitCode == 2)
    }

    @Test func sentMessageAsJSON() async throws {
        let run = try await Run(["sendMessage", "-t", "T", "-p", "x", "--json"], sender: RecordingSender())
        let json = try JSONValue(parsing: run.output)
        #expect(json["msgId"]?.asString == "FD00")
        #expect(json["queueOffset"]?.asInt == 5)
    }

    // MARK: sendMsgStatus

    /// What the lines of a recording tell about the sends.
    private static func sends(of recording: Recording) throws -> [Sending] {
        try recording.output.split(separator: "\n").map { line in
            func value(_ name: String) throws -> String {
                let start = try #require(line.firstRange(of: name + "="))
                return String(line[start.upperBound...].prefix { !",]m".contains($0) })
            }
            return .stored(
                in: MessageQueue(topic: try value("topic"), brokerName: try value("brokerName"), queueId: try #require(Int32(value("queueId")))),
                id: try value("msgId"), offsetId: try value("offsetMsgId"), offset: try #require(Int64(value("queueOffset"))),
                milliseconds: try #require(Int64(value("rt"))))
        }
    }

    @Test(arguments: ["sendMsgStatus", "sendMsgStatus-unknown"])
    func messagesToABroker(_ name: String) async throws {
        let recording = try Recording(name)
        let sends = try Self.sends(of: recording)
        // The first send warms up and is not shown.
        let sender = RecordingSender { number, _, _ in sends[max(0, number - 1)] }
        try await Run(recording.words, sender: sender).expect(recording)
        #expect(sender.sent.count == sends.count + 1)
        #expect(sender.sent.allSatisfy { $0.message.topic == recording.words[2] && $0.queue == nil })
        #expect(sender.sent[0].message.text == "hello jodiehello jodie")
        #expect(sender.sent[1].message.body.count == (name == "sendMsgStatus" ? 66 : 132))
        #expect(sender.opened.map(\.group) == ["PID_SMSC"], "one producer for all of them")
    }

    @Test func aFailureEndsIt() async throws {
        let sender = RecordingSender { number, message, target in
            number < 2 ? RecordingSender.stored(number, message, target) : .failed(ClientError(.timedOut, "too late"))
        }
        let run = try await Run(["sendMsgStatus", "-b", "golden-a"], sender: sender)
        #expect(run.output.split(separator: "\n").count == 1)
        #expect(run.errors.contains("too late"))
        #expect(sender.sent.count == 3)
        #expect(sender.closedCount == 1)
    }

    @Test func statusAsJSON() async throws {
        let run = try await Run(["sendMsgStatus", "-b", "golden-a", "-c", "2", "--json"], sender: RecordingSender())
        let lines = try run.output.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
        #expect(lines.count == 2)
        #expect(lines[0]["sendStatus"]?.asString == "SEND_OK")
        #expect(lines[1]["rt"]?.asInt == 0)
    }

    // MARK: checkMsgSendRT

    @Test(arguments: ["checkMsgSendRT", "checkMsgSendRT-unknown"])
    func timesOfATopic(_ name: String) async throws {
        let recording = try Recording(name)
        let sends = try recording.output.split(separator: "\n").dropFirst().dropLast().map { line in
            let words = line.split(separator: " ").map(String.init)
            let queue = MessageQueue(topic: recording.words[2], brokerName: words[0], queueId: try #require(Int32(words[1])))
            return Sending.stored(in: queue, id: "FD00", offsetId: "7F00", offset: 0, milliseconds: try #require(Int64(words[3])))
        }
        let sender = RecordingSender { number, _, target in
            guard case .turn(number) = target else { return .failed(ClientError(.invalidMessage, "not in turn")) }
            return sends[number]
        }
        try await Run(recording.words, sender: sender).expect(recording)
        #expect(sender.sent.allSatisfy { $0.message.body.count == (name == "checkMsgSendRT" ? 64 : 128) })
        #expect(sender.closedCount == 1)
    }

    @Test func failedSendsAreRows() async throws {
        let sender = RecordingSender { number, message, target in
            number == 1 ? .failed(ClientError(.timedOut, "too late"), milliseconds: 3000) : RecordingSender.stored(number, message, target)
        }
        let run = try await Run(["checkMsgSendRT", "-t", "T", "-a", "3"], sender: sender)
        let rows = run.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(rows[2] == ["golden-b", "1", "false", "3000"])
        #expect(rows.last == ["Avg", "RT:", "1500.00"])
        #expect(run.errors == "too late\n")
    }

    @Test func timesAsJSON() async throws {
        let run = try await Run(["checkMsgSendRT", "-t", "T", "-a", "2", "--json"], sender: RecordingSender())
        let lines = try run.output.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
        #expect(lines.map { $0["isStored"]?.asBool } == [true, true, nil])
        #expect(lines[2]["averageRt"]?.asDouble == 0)
    }

    // MARK: clusterRT

    /// Ends the command after so many rounds.
    private static func pause(after rounds: Int) -> @Sendable (Duration) async throws -> Void {
        let count = Counter()
        return { duration in
            #expect(duration == .seconds(3))
            if count.next() == rounds { throw CancellationError() }
        }
    }

    /// Each row's average is told by its second send, since the first does not count.
    @Test(arguments: ["clusterRT", "clusterRT-p"])
    func timesOfClusters(_ name: String) async throws {
        let recording = try Recording(name)
        let lines = recording.output.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") }
        let averages = try lines.map { line in
            let isLog = name == "clusterRT-p"
            let text = isLog ? line.split(separator: "|")[4] : line.split(separator: " ")[2].dropLast(".00".count)
            return try #require(Int64(text))
        }
        let sender = RecordingSender { number, message, _ in
            .stored(
                in: MessageQueue(topic: message.topic, brokerName: message.topic, queueId: 0), id: "FD00", offsetId: "7F00", offset: 0,
                milliseconds: number % 2 == 0 ? 900 : averages[number / 2])
        }
        let run = try await Run(recording.words, sender: sender, pause: Self.pause(after: 3))
        // Only the log tells when: the moment of a test stands still.
        let isLog = name == "clusterRT-p", now = "2026-11-21 12:42:08"
        let expected = isLog ? lines.map { now + $0.dropFirst(now.count) + "\n" }.joined() : recording.output
        #expect(run.output == expected)
        #expect(run.errors.isEmpty)
        #expect(sender.sent.map(\.message.topic).prefix(4) == ["golden-a", "golden-a", "golden-b", "golden-b"])
        #expect(sender.opened.count == 1 && sender.closedCount == 1)
    }

    /// The complaint comes once a round, without a line feed.
    @Test func unknownClusterIsToldInEachRound() async throws {
        let recording = try Recording("clusterRT-unknown")
        let run = try await Run(recording.words, sender: RecordingSender(), pause: Self.pause(after: 2))
        #expect(run.output == recording.output)
        #expect(run.errors.isEmpty)
    }

    @Test func failedSendsAreCounted() async throws {
        let sender = RecordingSender { number, message, target in
            number % 2 == 1 ? .failed(ClientError(.timedOut, "too late"), milliseconds: 10) : RecordingSender.stored(number, message, target)
        }
        let run = try await Run(["clusterRT", "-a", "4", "-i", "3", "--json"], sender: sender, pause: Self.pause(after: 1))
        let rows = try run.output.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
        #expect(rows.map { $0["brokerName"]?.asString } == ["golden-a", "golden-b"])
        #expect(rows[0]["successCount"]?.asInt == 2)
        #expect(rows[0]["failCount"]?.asInt == 2)
        #expect(rows[0]["rt"]?.asDouble == 20.0 / 3)
        #expect(run.errors == "too late\ntoo late\n", "the first failure of each row")
    }

    @Test(arguments: [
        ["sendMsgStatus", "-b", "b", "-s", "0"], ["sendMsgStatus", "-b", "b", "-s", "99999999"], ["checkMsgSendRT", "-t", "T", "-a", "0"],
        ["checkMsgSendRT", "-t", "T", "-s", "x"], ["clusterRT", "-i", "0"], ["clusterRT", "-a", "-1"],
    ])
    func valuesOutOfBoundsSendNothing(_ words: [String]) async throws {
        let sender = RecordingSender()
        let run = try await Run(words, sender: sender)
        #expect(run.output.isEmpty)
        #expect(run.errors.contains("takes a whole number from 1 to "))
        #expect(sender.sent.isEmpty)
    }
}

/// Counts from 1 on.
private final class Counter: Sendable {
    private let count = Mutex(0)
    func next() -> Int { count.withLock { $0 += 1; return $0 } }
}
