import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// Signatures as a recorded client of the reference made them, and as its broker took them.
@Suite(.takesTurns) struct RequestSignerTests {
    private static let secrets: [ByteText: String] = ["user-one": "secret-one-1", "admin-one": "secret-admin-1"]

    @Test func everyRecordedRequestIsSignedAlike() throws {
        var checked = 0
        for golden in try Golden.frames where !golden.isResponse {
            let recorded = try RemotingCommand.decode(frame: golden.content)
            guard let key = recorded.fields?["AccessKey"], let secret = Self.secrets[key] else { continue }
            var bare = recorded
            for name in ["AccessKey", "Signature"] { bare.fields?[name] = nil }
            try #require(RequestSigner(accessKey: key, secretKey: secret)).sign(&bare)
            #expect(bare == recorded, "\(golden.place)")
            checked += 1
        }
        #expect(checked > 15)
    }

    /// The vectors of the protocol's description.
    @Test func theVectorsOfTheProtocol() throws {
        let signer = try #require(RequestSigner(accessKey: "rocketmq2", secretKey: "12345678"))
        let header = QueryConsumerOffsetHeader {
            $0.consumerGroup = "cg"
            $0.topic = "TopicTest"
            $0.queueId = 1
        }
        var query = RemotingCommand(.queryConsumerOffset, header: header)
        signer.sign(&query)
        #expect(query.fields?["Signature"].isExactly("1bPl5EQui0UvCwm5x3IREu8OFQQ=") == true)
        #expect(query.fields?["SecurityToken"] == nil)
    }

    @Test func aTokenAndTheBodyAreSignedAndASecondTimeChangesNothing() throws {
        let signer = try #require(RequestSigner(accessKey: "rocketmq2", secretKey: "12345678", securityToken: "sts-token"))
        var command = RemotingCommand(.sendMessageV2, body: Array("Hello RocketMQ".utf8))
        command.fields = [
            "a": "pg", "b": "TopicTest", "c": "TBW102", "d": "4", "e": "1", "f": "0", "g": "1700000000000",
        ]
        signer.sign(&command)
        #expect(command.fields?["SecurityToken"].isExactly("sts-token") == true)
        let once = command
        signer.sign(&command)
        #expect(command == once)
        command.body.append(0)
        signer.sign(&command)
        #expect(command != once)
    }

    /// The reference's broker leaves this field out of what it compares.
    @Test func aQueryByKeyIsSignedAsTheBrokerComparesIt() throws {
        let signer = try #require(RequestSigner(accessKey: "rocketmq2", secretKey: "12345678"))
        var first: HeaderFields = ["topic": "T", "_UNIQUE_KEY_QUERY": "true"]
        let signed = signer.signature(of: first, body: [])
        first["_UNIQUE_KEY_QUERY"] = "false"
        #expect(signer.signature(of: first, body: []).isExactly(signed))
        first["topic"] = "U"
        #expect(!signer.signature(of: first, body: []).isExactly(signed))
    }

    @Test func whoChecksASignatureTakesTheRightOneAlone() throws {
        let signer = try #require(RequestSigner(accessKey: "rocketmq2", secretKey: "12345678"))
        var command = RemotingCommand(.sendMessageV2, body: [1, 2, 3])
        command.fields = ["b": "T", "a": "p"]
        #expect(!signer.hasSigned(command))
        signer.sign(&command)
        #expect(signer.hasSigned(command))
        #expect(try #require(RequestSigner(accessKey: "rocketmq2", secretKey: "12345679")).hasSigned(command) == false)
        for signature in ["", "=", command.fields?["Signature"]?.lowercased() ?? "", String(repeating: "A", count: 28)] {
            var changed = command
            changed.fields?["Signature"] = signature
            #expect(!signer.hasSigned(changed))
        }
        var changed = command
        changed.body[0] = 0
        #expect(!signer.hasSigned(changed))
    }

    @Test func nothingThatIsPrintedHasTheSecret() throws {
        let signer = try #require(RequestSigner(accessKey: "rocketmq2", secretKey: "geheim-7"))
        var dumped = "\(signer) \(String(reflecting: signer))"
        dump(signer, to: &dumped)
        let header = AccountHeader {
            $0.accessKey = "someone"
            $0.secretKey = "geheim-7"
        }
        dumped += "\(header) \(RemotingCommand(.updateAndCreateAclConfig, header: header))"
        #expect(dumped.contains("rocketmq2") && dumped.contains("someone"))
        #expect(!dumped.contains("geheim") && !dumped.contains("103"), "neither as a text nor as bytes")
    }

    /// Requests, one-way ones and those with a completion, sends and pulls of a peer.
    @Test func aClientSignsWhateverItSends() async throws {
        let loops = EventLoopGroup(count: 1, name: "signer")
        defer { loops.stop() }
        let seen = SeenFields()
        let server = RemotingServer(configuration: ServerConfiguration(port: 0), loops: loops, logger: .silent) { _ in SigningHandler(seen) }
        try server.start()
        var configuration = ClientConfiguration()
        configuration.signer = RequestSigner(accessKey: "rocketmq2", secretKey: "12345678")
        let client = RemotingClient(configuration: configuration, loops: loops, logger: .silent)
        defer { client.close() }
        let address = "127.0.0.1:\(server.port)"
        _ = try await client.request(RemotingCommand(.heartBeat), to: address, timeout: .generous)
        try await client.sendOneway(RemotingCommand(.heartBeat), to: address)
        client.send(RemotingCommand(.heartBeat), to: address, timeout: .generous) { _ in }
        let peer = try #require(client.peer(address))
        let template = SendTemplate(.sendMessageV2, SendMessageHeader { $0.topic = "T" })
        let message = SendTemplate.Message(systemFlag: 0, bornTimestamp: 1, flag: 0, properties: Array("a\u{1}b".utf8), body: [1])
        let begin = MonotonicInstant.now
        for request in [
            PendingRequest(sending: message, by: template, from: begin, until: begin + .generous),
            PendingRequest(pulling: PullTemplate.Place(offset: 0), by: PullTemplate(PullMessageHeader { $0.topic = "T" }), from: begin, until: begin + .generous),
        ] { await peer.run(request) }
        try await eventually("all five came") { await seen.all.count == 5 }
        for fields in await seen.all {
            #expect(fields["AccessKey"].isExactly("rocketmq2"))
            #expect(fields["Signature"] != nil)
        }
    }
}

private actor SeenFields {
    private(set) var all: [HeaderFields] = []
    func add(_ fields: HeaderFields) { all.append(fields) }
}

private final class SigningHandler: RequestHandler {
    private let seen: SeenFields
    init(_ seen: SeenFields) { self.seen = seen }

    func receive(_ request: InboundFrame, on connection: Connection) {
        guard let command = try? request.command() else { return connection.close() }
        Task { [seen] in await seen.add(command.fields ?? HeaderFields()) }
        connection.reply(.response(.success), to: request)
    }
}
