@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// What the reference's slave asked its master, and what that answered (`frames-ha.jsonl`).
@Suite(.takesTurns) struct RecordedTablesTests {
    private final class Handler: RequestHandler {
        private let answers: [Int32: RemotingCommand]
        init(_ answers: [Int32: RemotingCommand]) { self.answers = answers }

        func receive(_ request: InboundFrame, on connection: Connection) {
            guard let answer = answers[request.code] else { return connection.close() }
            connection.replyHandle(for: request).complete(answer)
        }

        func connectionClosed(_ connection: Connection) {}
        func wakeUpEnded() {}
    }

    @Test func theRecordedTablesAreTakenOver() async throws {
        var answers: [Int32: RemotingCommand] = [:]
        for line in try GoldenData.lines("frames-ha.jsonl") {
            let json = try JSONValue(parsing: line)
            guard let code = json["requestCode"]?.asInt32, json["to"]?.asString?.isExactly("slave") == true else { continue }
            let frame = try #require(Hex.bytes(json["frame"]?.asString ?? ""))
            answers[code] = try RemotingCommand.decode(frame: Array(frame[4...]))
        }
        #expect(answers.keys.sorted() == [21, 43, 45, 201], "what the recorded slave asked for")
        let loops = EventLoopGroup(count: 1, name: "recorded-master")
        defer { loops.stop() }
        let recorded = answers
        let server = RemotingServer(configuration: ServerConfiguration(listenAddress: "127.0.0.1", port: 0), loops: loops, logger: quiet) { _ in Handler(recorded) }
        try server.start()
        defer { server.stop() }
        try await withPeer({ configuration in
            configuration.role = .slave
            configuration.brokerId = 1
        }) { slave in
            let state = slave.broker.state
            let client = slave.anotherClient()
            #expect(MetadataCopy(broker: state, master: "127.0.0.1:\(server.port)", client: client).run() == [])
            let topics = try TopicConfigTable(body: try #require(recorded[21]).body)
            #expect(state.topics.dataVersion == topics.dataVersion)
            for (name, topic) in topics.topics { #expect(state.topics[name.text]?.config == topic) }
            #expect(state.topics["HaTopic"]?.config.writeQueueCount == 4)
            let groups = try SubscriptionGroupTable(body: try #require(recorded[201]).body)
            #expect(state.groups.table.dataVersion == groups.dataVersion)
            for (name, group) in groups.groups { #expect(state.groups[name.text] == group) }
        }
    }
}
