@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Testing

/// `queryMsgTraceById` and the records that it reads.
@Suite(.takesTurns) struct TraceCommandTests {
    /// A message of the trace topic, as a broker holds it.
    private static func traceMessage(_ text: String, keys: String) -> StoredMessage {
        StoredMessage(
            topic: "RMQ_SYS_TRACE_TOPIC", body: [UInt8](text.utf8), properties: [PropertyName.keys: keys, PropertyName.uniqueKey: "FD99"],
            bornHost: HostAddress(ipv4: (127, 0, 0, 1), port: 48_000), storeTimestamp: 1_795_236_085_000,
            storeHost: HostAddress(ipv4: (127, 0, 0, 1), port: 30_911))
    }

    private static func servers(holding messages: [StoredMessage]) -> Servers {
        Servers { command, address in
            guard command.requestCode == .queryMessage else { return Golden.answer(command, address) }
            guard address == Golden.masters["golden-a"], !messages.isEmpty else { return .response(.queryNotFound, remark: "can not find message") }
            let answer = QueryMessageResponseHeader {
                $0.indexLastUpdateTimestamp = 1
                $0.indexLastUpdateOffset = 2
            }
            return .response(.success, header: answer, body: messages.flatMap { MessageRecord.encode($0) })
        }
    }

    /// The records that our own tracing makes of the recorded sending and consuming.
    private static func ownRecords(id: String, time: Int64) -> String {
        let sent = TraceRecord.sent(TraceRecord.Sent(time: time, region: "DefaultRegion", group: "golden_trace_producer", topic: "GoldenTraced", messageId: id, cost: 26))
        let item = TraceRecord.Consuming.Item(messageId: id, retries: 0, keys: nil)
        let other = TraceRecord.Consuming.Item(messageId: "FD01", retries: 0, keys: nil)
        let consuming = TraceRecord.Consuming(time: time, region: nil, group: "golden_trace_consumer", requestId: "R", items: [item, other])
        let records = [sent, .consuming(consuming), .consumed(consuming, isSuccess: true, outcome: .success, cost: 1, time: time)]
        return records.flatMap { $0.lines() }.map { String(decoding: $0.text, as: UTF8.self) }.joined()
    }

    @Test(arguments: ["queryMsgTraceById", "queryMsgTraceById-t"])
    func whatClientsRecordedIsShown(_ name: String) async throws {
        let recording = try Recording(name)
        let id = recording.words[2], time = try #require(LocalTime.utc.parse("2026-11-21#04:41:25:000"))
        let servers = Self.servers(holding: [Self.traceMessage(Self.ownRecords(id: id, time: time), keys: id + " FD01")])
        try await Run(recording.words, servers: servers).expect(recording)
        let fields = try #require(servers.fields(asked: .queryMessage).first)
        #expect(fields["topic"] == "RMQ_SYS_TRACE_TOPIC")
        #expect(fields["key"] == id)
        #expect(fields["maxNum"] == "64")
        let json = try JSONValue(parsing: try await Run(recording.words + ["--json"], servers: servers).output).requireArray("events")
        #expect(json.map { $0["type"]?.asString } == ["Pub", "SubBefore", "SubAfter"])
        #expect(json[0]["costTime"]?.asInt == 26)
        #expect(json[2]["group"]?.asString == "golden_trace_consumer")
    }

    @Test func whatIsNotThereIsTold() async throws {
        let unknown = try Recording("queryMsgTraceById-unknown")
        try await Run(unknown.words, servers: Self.servers(holding: [])).expect(unknown)
        let unknownTopic = try Recording("queryMsgTraceById-unknownTopic")
        try await Run(unknownTopic.words).expect(unknownTopic)
        let keyOnly = Self.servers(holding: [Self.traceMessage(Self.ownRecords(id: "FD02", time: 1), keys: "FD02 order-1")])
        #expect(try await Run(["queryMsgTraceById", "-i", "order-1"], servers: keyOnly).errors.contains("as a key only"))
    }

    @Test func recordsThatCannotBeReadAreCounted() async throws {
        let text = Self.ownRecords(id: "FD02", time: 1) + "Pub\u{1}x\u{2}nonsense\u{2}SubAfter\u{1}\u{2}"
        let run = try await Run(["queryMsgTraceById", "-i", "FD02"], servers: Self.servers(holding: [Self.traceMessage(text, keys: "FD02")]))
        #expect(run.output.contains("golden_trace_producer"))
        #expect(run.errors == "3 records of the trace in RMQ_SYS_TRACE_TOPIC cannot be read\n")
    }

    /// Anybody may write to the trace topic: work that grows with the square of a message's size would take hours here, and its turn from it.
    @Test func aRecordOfAnyLengthIsRead() {
        let one = "R\u{1}A\u{1}3\u{1}true\u{1}k\u{1}0SubAfter\u{1}"
        let told = TraceEvent.events(in: Self.traceMessage("SubAfter\u{1}" + String(repeating: one, count: 50_000) + "R\u{1}A\u{1}3\u{1}true\u{1}k\u{1}0", keys: ""))
        #expect(told.events.count == 50_001 && told.unreadable == 0)
    }

    /// Records of the reference's clients.
    @Test func recordedTracesAreRead() throws {
        var kinds: [String: Int] = [:]
        for line in try GoldenData.lines("trace-messages.jsonl") {
            let json = try JSONValue(parsing: line)
            let body = try #require(json["body"]?.asString)
            let told = TraceEvent.events(in: Self.traceMessage(body, keys: ""))
            #expect(told.unreadable == 0)
            #expect(told.events.count == body.split(separator: "\u{2}").count)
            let ids = Set(told.events.flatMap(\.messageIds)), keys = try #require(json["keys"]?.asString).split(separator: " ").map(String.init)
            #expect(ids.isSubset(of: keys))
            for event in told.events {
                kinds[event.kind.rawValue, default: 0] += 1
                #expect(event.time.map { $0 > 1_795_235_000_000 } == true)
                #expect(event.group?.hasPrefix("acl_") == true)
                #expect(event.clientHost == "127.0.0.1")
                if event.kind == .transactionEnded { #expect(event.transactionState == "COMMIT_MESSAGE") }
            }
        }
        #expect(Set(kinds.keys) == ["Pub", "SubBefore", "SubAfter", "EndTransaction"])
    }

    /// Clients of hosted clusters leave out the separator, the group and the time; old ones the offset id.
    @Test func recordsOfOtherFormsAreRead() {
        func events(_ text: String) -> [TraceEvent] { TraceEvent.events(in: Self.traceMessage(text, keys: "")).events }
        let before = "SubBefore\u{1}7\u{1}null\u{1}g\u{1}R\u{1}A\u{1}2\u{1}k\u{2}"
        let joined = events(before + "SubAfter\u{1}R\u{1}A\u{1}3\u{1}true\u{1}k\u{1}0SubAfter\u{1}R\u{1}B\u{1}4\u{1}false\u{1}k\u{1}4")
        #expect(joined.map(\.kind) == [.consuming, .consumed, .consumed])
        #expect(joined[0].retries == 2)
        #expect(joined[1].messageIds == ["A"])
        #expect(joined[1].group == "g")
        #expect(joined[1].time == 7)
        #expect(joined[2].cost == 4)
        #expect(joined[2].isSuccess == false)
        let old = events("Pub\u{1}1\u{1}r\u{1}g\u{1}T\u{1}A,B\u{1}\u{1}\u{1}h:1\u{1}5\u{1}6\u{1}0\u{1}true\u{2}")
        #expect(old.map(\.messageIds) == [["A", "B"]])
        #expect(old.first?.isSuccess == true)
        #expect(old.first?.offsetMessageId == nil)
        let orphan = events("SubAfter\u{1}R\u{1}A\u{1}3\u{1}true\u{1}k\u{1}0\u{2}")
        #expect(QueryMessageTraceCommand.render(orphan, time: .utc).contains("Sub        null                 127.0.0.1            null                 3ms        success"))
    }
}
