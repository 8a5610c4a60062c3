import Foundation
@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Testing

/// `printMsg`, `printMsgByQueue`, and how bodies are read.
@Suite(.takesTurns) struct PrintingCommandsTests {
    /// Servers whose queues end where the lines of a recording say.
    private static func servers(of recording: Recording) throws -> Servers {
        var ends: [MessageQueue: Int64] = [:]
        for line in recording.output.split(separator: "\n") where line.hasPrefix("minOffset=") {
            let words = line.split { "=, ]".contains($0) }.map(String.init)
            let queue = MessageQueue(topic: words[6], brokerName: words[8], queueId: try #require(Int32(words[10])))
            let end: Int64 = try #require(Int64(words[3]))
            ends[queue] = end
        }
        return RecordedMessages.servers(holding: try RecordedMessages.messages(of: recording), ends: ends)
    }

    @Test(arguments: ["printMsg", "printMsg-c", "printMsg-d", "printMsg-s", "printMsg-time"])
    func topicIsPrintedQueueByQueue(_ name: String) async throws {
        let recording = try Recording(name)
        let servers = try Self.servers(of: recording)
        let run = try await Run(recording.words, servers: servers)
        #expect(RecordedMessages.withoutSizes(run.output) == RecordedMessages.withoutSizes(recording.output))
        #expect(run.exitCode == recording.exitCode)
        #expect(run.errors.isEmpty)
        #expect(servers.fields(asked: .pullMessage).allSatisfy { $0["consumerGroup"] == "TOOLS_CONSUMER" && $0["maxMsgNums"] == "32" })
        if name == "printMsg-time" {
            #expect(Set(servers.fields(asked: .searchOffsetByTimestamp).map { $0["timestamp"] }) == ["1795233600000", "1795233601000"])
        }
    }

    @Test func unknownTopicIsTold() async throws {
        let recording = try Recording("printMsg-unknown")
        try await Run(recording.words).expect(recording)
    }

    @Test(arguments: ["printMsgByQueue", "printMsgByQueue-p", "printMsgByQueue-p-d-f"])
    func queueIsPrinted(_ name: String) async throws {
        let recording = try Recording(name)
        let servers = RecordedMessages.servers(holding: try RecordedMessages.messages(of: Recording("printMsgByQueue-p-d-f")))
        let run = try await Run(recording.words, servers: servers)
        #expect(RecordedMessages.withoutSizes(run.output) == RecordedMessages.withoutSizes(recording.output))
        #expect(run.exitCode == recording.exitCode)
        #expect(run.errors.isEmpty)
    }

    private static func tagged(_ tags: [String?]) -> [StoredMessage] {
        tags.enumerated().map { offset, tag in
            var message = StoredMessage(
                topic: "GoldenPlain", body: [1], brokerName: "golden-a", queueId: 1, queueOffset: Int64(offset),
                storeHost: HostAddress(ipv4: (127, 0, 0, 1), port: 30911))
            message.properties[PropertyName.tags] = tag
            return message
        }
    }

    @Test(arguments: ["printMsgByQueue-f", "printMsgByQueue-f-s"])
    func tagsAreCounted(_ name: String) async throws {
        let recording = try Recording(name)
        let servers = RecordedMessages.servers(holding: Self.tagged(["TagA", "TagB", "TagC", "TagA", "TagC", "TagZ", nil, " "]))
        try await Run(recording.words, servers: servers).expect(recording)
        let json = try JSONValue(parsing: try await Run(recording.words + ["--json"], servers: servers).output).requireArray("tags")
        #expect(json.first?["tag"]?.asString == "TagA")
        #expect(json.first?["count"]?.asInt == 2)
    }

    @Test func unknownBrokerIsNamed() async throws {
        let recording = try Recording("printMsgByQueue-unknownBroker")
        let run = try await Run(recording.words)
        #expect(run.output == recording.output)
        #expect(run.exitCode == recording.exitCode)
        #expect(run.errors.contains("Caused by: The broker[nobroker] not exist\n"))
    }

    @Test func failedPullEndsItsQueueOnly() async throws {
        let recording = try Recording("printMsg")
        let all = try Self.servers(of: recording)
        let servers = Servers { command, address in
            guard command.requestCode == .pullMessage, command.fields?["queueId"] == "0" else { return all.answer(command, address) }
            return .response(.systemError, remark: "no")
        }
        let run = try await Run(recording.words, servers: servers)
        #expect(run.errors == "CODE: 1  DESC: no BROKER: 127.0.0.1:31911\n")
        #expect(run.output.components(separatedBy: "MSGID").count == recording.output.components(separatedBy: "MSGID").count - 1)
        #expect(run.output.components(separatedBy: "\n----").count == recording.output.components(separatedBy: "\n----").count)
        #expect(try await Run(recording.words + ["--exit-code"], servers: servers).exitCode == 2)
    }

    /// What a broker answers must not make the tool ask for ever.
    @Test func brokerThatDoesNotLeadOnEndsItsQueue() async throws {
        let servers = Servers { command, address in
            switch command.requestCode {
            case .getMinOffset: return .response(.success, header: OffsetResponseHeader(offset: 0))
            case .getMaxOffset: return .response(.success, header: OffsetResponseHeader(offset: 1_000))
            case .pullMessage:
                let answer = PullMessageResponseHeader {
                    $0.suggestedBrokerId = 0
                    $0.nextBeginOffset = 0
                    $0.minOffset = 0
                    $0.maxOffset = 1_000
                }
                return .response(.pullRetryImmediately, header: answer)
            default: return Golden.answer(command, address)
            }
        }
        let run = try await Run(["printMsg", "-t", "GoldenAsync"], servers: servers)
        #expect(run.output.components(separatedBy: "no matched msg. status=NO_MATCHED_MSG, offset=0\n").count == 8 + 1)
    }

    @Test func linesOfJSONTellQueuesAndMessages() async throws {
        let recording = try Recording("printMsg")
        let run = try await Run(recording.words + ["--json"], servers: try Self.servers(of: recording))
        let lines = try run.output.split(separator: "\n").map { try JSONValue(parsing: String($0)).requireObject("line") }
        #expect(lines.count(where: { $0["maxOffset"] != nil }) == 8)
        #expect(lines.count(where: { $0["msgId"] != nil }) == 5)
        #expect(lines[1]["body"]?.asString == "async 2")
    }

    @Test(arguments: [
        (["-c", "no-such-set"], "-c takes a character set that this system knows"), (["-b", "yesterday"], "-b takes milliseconds since 1970"),
        (["-e", "2026-11-21"], "-e takes milliseconds since 1970"), (["-s", "||"], "names no tag"),
    ])
    func wrongValuesNameTheOption(_ words: [String], _ complaint: String) async throws {
        let run = try await Run(["printMsg", "-t", "GoldenAsync"] + words)
        #expect(run.output.isEmpty)
        #expect(run.errors.contains(complaint))
    }

    @Test func bodiesAreReadInTheirCharacterSet() throws {
        #expect(try Charset(named: "GBK").text([0xC3, 0xFB, 0xD7, 0xD6, 0x41]) == "名字A")
        #expect(try Charset(named: "US-ASCII").text([0x41, 0xC3, 0xBC, 0x42]) == "A\u{FFFD}\u{FFFD}B")
        #expect(try Charset(named: "utf-8").text([0x41, 0xC3, 0xBC]) == "Aü")
        #expect(try Charset(named: "ISO-8859-1").text([0xFC]) == "ü")
        let long = [UInt8](repeating: 0x41, count: 100_000)
        #expect(try Charset(named: "US-ASCII").text(long + [0xFF] + long).utf8.count == 200_003)
        #expect(try Charset(named: "US-ASCII").text([]).isEmpty)
        #expect(throws: CommandFailure.self) { try Charset(named: "") }
    }
}
