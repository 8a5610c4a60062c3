@testable import RMQACL
import RMQCommon
@testable import RMQRemoting
import RMQTestSupport
import Testing

/// What a loop makes of requests that it does not decode: the same as of decoded ones.
@Suite(.takesTurns) struct LoopAccessTests {
    private static let file = """
        globalWhiteRemoteAddresses: [10.10.103.*]
        accounts:
        - {accessKey: userone, secretKey: secret-1, whiteRemoteAddress: 192.168.1.*, topicPerms: [orders=PUB|SUB, read=SUB], groupPerms: [mine=SUB]}
        - {accessKey: admin-one, secretKey: secret-2, admin: true}
        """

    private static let publishing = RequestAccess.fields(NamedRights(.publish, topic: "b", group: "a"))
    private static let subscribing = RequestAccess.fields(NamedRights(.subscribe, topic: "topic", group: "consumerGroup"))
    private static let elsewhere = HostAddress("172.16.0.1:5000")!

    private let rules: AccessRules
    private let memory = AccessMemory()
    private let scratch = HeaderScratch()

    init() throws { rules = AccessRules([try AccountFile(Array(Self.file.utf8), path: "f.yml")], requiresSignature: false) }

    private func send(_ topic: String, properties: String = "KEYS\u{1}é\u{2}", body: Int = 100) -> RemotingCommand {
        var command = RemotingCommand(.sendMessageV2, body: [UInt8](repeating: 7, count: body))
        command.fields = [
            "a": "mine", "b": topic, "c": "TBW102", "d": "4", "e": "0", "f": "0", "g": "1700000000000", "h": "0", "i": properties, "j": "0", "k": "false",
            "m": "false",
        ]
        return command
    }

    private func pull(_ topic: String, _ group: String) -> RemotingCommand {
        var command = RemotingCommand(.pullMessage)
        command.fields = ["topic": topic, "consumerGroup": group, "queueId": "0", "maxMsgNums": "32", "sysFlag": "4"]
        return command
    }

    private func signed(_ command: RemotingCommand, _ account: String = "userone", _ secret: String = "secret-1", token: String? = nil) throws -> RemotingCommand {
        var command = command
        try #require(RequestSigner(accessKey: account, secretKey: secret, securityToken: token)).sign(&command)
        return command
    }

    /// Whether the frame passes as it lies in the buffer, and whether it passes decoded; nil for one that is no frame.
    private func answers(
        _ frame: [UInt8], _ access: RequestAccess, from remote: HostAddress = elsewhere
    ) -> (inPlace: Bool, decoded: Bool)? {
        frame.withUnsafeBytes { bytes in
            guard bytes.count >= 4, let request = try? InboundFrame(UnsafeRawBufferPointer(rebasing: bytes[4...]), scratch: scratch) else { return nil }
            let inPlace = rules.allows(request, needing: access, from: remote, memory)
            let decoded = (try? rules.check(request.command(), needing: access, from: remote)) != nil
            return (inPlace, decoded)
        }
    }

    private func answers(
        _ command: RemotingCommand, _ access: RequestAccess, _ serialization: HeaderSerialization, from remote: HostAddress = elsewhere
    ) throws -> (inPlace: Bool, decoded: Bool) {
        var command = command
        command.serialization = serialization
        return try #require(answers(command.encoded(), access, from: remote))
    }

    @Test(arguments: [HeaderSerialization.json, .rocketmq])
    func whatMayPassIsNotDecoded(_ serialization: HeaderSerialization) throws {
        let requests: [(RemotingCommand, RequestAccess)] = try [
            (signed(send("orders")), Self.publishing), (signed(send("orders", properties: "a\u{1}\"\\\u{2}", body: 0)), Self.publishing),
            (signed(send("orders"), token: "lent"), Self.publishing), (signed(send("RMQ_SYS_TRACE_TOPIC")), Self.publishing),
            (signed(send("%RETRY%mine")), Self.publishing), (signed(send("anything"), "admin-one", "secret-2"), Self.publishing),
            (signed(pull("read", "mine")), Self.subscribing), (signed(RemotingCommand(.getBrokerConfig)), .account),
            (signed(RemotingCommand(.updateAndCreateTopic), "admin-one", "secret-2"), .administrator),
        ]
        for (request, access) in requests {
            #expect(try answers(request, access, serialization) == (true, true), "\(request)")
            let refused = try answers(signed(request, "userone", "secret-9"), access, serialization)
            #expect(refused == (false, false), "\(request)")
        }
    }

    @Test(arguments: [HeaderSerialization.json, .rocketmq])
    func whatMayNotPassIsRefusedEitherWay(_ serialization: HeaderSerialization) throws {
        let requests: [(RemotingCommand, RequestAccess)] = try [
            (send("orders"), Self.publishing), (signed(send("read")), Self.publishing), (signed(send("other")), Self.publishing),
            (signed(send("orders"), "nobody7"), Self.publishing), (signed(pull("orders", "other")), Self.subscribing),
            (signed(pull("other", "mine")), Self.subscribing), (signed(RemotingCommand(.updateAndCreateTopic)), .administrator),
        ]
        for (request, access) in requests { #expect(try answers(request, access, serialization) == (false, false), "\(request)") }
    }

    /// The second time nothing is looked up, and what is asked has to be the very same.
    @Test func whatIsRememberedIsOfTheSameNamesAlone() throws {
        for _ in 0..<2 { #expect(try answers(signed(send("orders")), Self.publishing, .rocketmq) == (true, true)) }
        #expect(try answers(signed(send("orders"), "userone", "secret-9"), Self.publishing, .rocketmq) == (false, false))
        #expect(try answers(signed(send("orders"), "admin-one", "secret-1"), Self.publishing, .rocketmq) == (false, false))
        // The same bytes one behind the other, cut elsewhere.
        var shifted = send("ordersm")
        shifted.fields?["a"] = "ine"
        #expect(try answers(signed(shifted), Self.publishing, .rocketmq) == (false, false))
        var pulled = pull("orders", "mine")
        for _ in 0..<2 { #expect(try answers(signed(pulled), Self.subscribing, .rocketmq) == (true, true)) }
        pulled.fields?["consumerGroup"] = "other"
        #expect(try answers(signed(pulled), Self.subscribing, .rocketmq) == (false, false))
        pulled.fields?["consumerGroup"] = nil
        #expect(try answers(signed(pulled), Self.subscribing, .rocketmq) == (true, true))
        let copy = RemotingCommand(code: RequestCode.sendBatchMessage.rawValue, fields: pulled.fields)
        #expect(try answers(signed(copy), Self.publishing, .rocketmq) == (true, true), "no topic by that name asks nothing, as decoded")
    }

    @Test func whiteListsFreeInPlaceToo() throws {
        let white = try #require(HostAddress("10.10.103.7:1"))
        #expect(try answers(send("other"), Self.publishing, .json, from: white) == (true, true))
        let ofTheAccount = try #require(HostAddress("192.168.1.9:1"))
        #expect(try answers(signed(send("other")), Self.publishing, .json, from: ofTheAccount) == (true, true))
        // Without a signature it has to be decoded.
        #expect(try answers(signed(send("other"), "userone", "secret-9"), Self.publishing, .json, from: ofTheAccount) == (false, true))
    }

    /// A topic whose text is escaped is another one than its bytes.
    @Test func whatIsEscapedIsDecoded() throws {
        let request = try signed(send("read"))
        var plain = request
        plain.serialization = .json
        let text = String(decoding: plain.encoded().dropFirst(8), as: UTF8.self)
        let hidden = text.split(atBytesOf: "\"b\":\"read\"").joined(separator: "\"b\":\"\\u0072ead\"")
        #expect(!hidden.isExactly(text))
        let frame = Self.frame(header: Array(hidden.utf8.dropLast(plain.body.count)), body: plain.body)
        #expect(try #require(answers(frame, Self.publishing)) == (false, false))
    }

    private static func frame(header: [UInt8], body: [UInt8]) -> [UInt8] {
        func word(_ number: Int) -> [UInt8] { withUnsafeBytes(of: UInt32(number).bigEndian, Array.init) }
        return word(4 + header.count + body.count) + word(header.count) + header + body
    }

    /// Fields that stand twice are decoded, and then refused.
    @Test func aFieldThatStandsTwicePassesNeitherWay() throws {
        for serialization in [HeaderSerialization.json, .rocketmq] {
            for name in ["b", "AccessKey", "Signature", "i"] {
                var command = try signed(send("orders"))
                command.fields?.append(name, "orders")
                #expect(try answers(command, Self.publishing, serialization) == (false, false), "\(name)")
            }
        }
    }

    @Test func ofLargeRequestsNoneIsTakenForAnother() throws {
        for serialization in [HeaderSerialization.json, .rocketmq] {
            let large = try answers(signed(send("orders", properties: String(repeating: "k", count: 70_000))), Self.publishing, serialization)
            #expect(large == (false, true), "more text than a loop keeps is decoded")
            var many = send("orders")
            for number in 0..<40 { many.fields?.append("x\(number)", "y") }
            #expect(try answers(signed(many), Self.publishing, serialization) == (false, true))
            var oversized = try signed(send("orders"))
            oversized.fields?["Signature"] = String(repeating: "A", count: 60_000)
            #expect(try answers(oversized, Self.publishing, serialization) == (false, false))
        }
    }

    @Test func aChangeOfTheRulesIsSeenByTheNextRequest() throws {
        try withTemporaryFolder { folder in
            try SmallFile.replace(folder + "/conf/plain_acl.yml", with: Self.file)
            let control = try PlainAccessControl(AccountPlaces(home: folder), logger: .silent)
            let loop = control.forLoop()
            var request = try signed(send("orders"))
            request.serialization = .rocketmq
            func isAllowed() throws -> Bool {
                try request.encoded().withUnsafeBytes { bytes in
                    let frame = try InboundFrame(UnsafeRawBufferPointer(rebasing: bytes[4...]), scratch: scratch)
                    do { try loop.check(frame, needing: Self.publishing, from: Self.elsewhere) } catch { return false }
                    return true
                }
            }
            #expect(try isAllowed())
            try control.delete("userone")
            #expect(try !isAllowed())
        }
    }

    /// `RMQ_FUZZ_CASES` damaged requests: what passes in place passes decoded, and nothing traps.
    @Test func noDamagedRequestPassesInPlaceThatIsRefusedDecoded() throws {
        var random = try SeededRandom.replayable(11)
        var seeds: [([UInt8], RequestAccess)] = []
        for serialization in [HeaderSerialization.json, .rocketmq] {
            for (command, access) in try [(signed(send("orders")), Self.publishing), (signed(pull("read", "mine")), Self.subscribing)] {
                var command = command
                command.serialization = serialization
                seeds.append((command.encoded(), access))
            }
        }
        var passed = 0
        for _ in 0..<FuzzCases.count {
            let (frame, access) = seeds.randomElement(using: &random)!
            let damaged = FuzzCases.damaged(frame, from: 4, others: seeds.map(\.0), &random)
            guard let answers = answers(damaged, access) else { continue }
            if answers.inPlace { #expect(answers.decoded, "\(Hex.text(damaged))") }
            passed += answers.inPlace ? 1 : 0
        }
        // What is not signed, such as the number of a request, may be damaged.
        #expect(passed > FuzzCases.count / 1_000)
    }
}
