import RMQACL
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

@testable import RMQBroker

/// A broker with accounts: who may ask what, over its table of requests and over its port.
@Suite(.takesTurns) struct AccountTests {
    private final class Lines: LogSink {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func write(_ record: LogRecord) { lines.withLock { $0.append(record.message) } }
    }

    private static func sendFields(_ topic: String) -> HeaderFields {
        var fields = HeaderFields()
        for (name, value) in Peer.sendFields(topic) { fields[name] = value }
        return fields
    }

    private static let file = """
        accounts:
        - {accessKey: nothing, secretKey: secret-1}
        - {accessKey: producer, secretKey: secret-1, topicPerms: [T=PUB]}
        - {accessKey: consumer, secretKey: secret-1, topicPerms: [T=SUB], groupPerms: [g=SUB]}
        - {accessKey: everything, secretKey: secret-1, defaultTopicPerm: PUB|SUB, defaultGroupPerm: PUB|SUB}
        - {accessKey: administrator, secretKey: secret-1, admin: true}
        - {accessKey: limited-admin, secretKey: secret-1, admin: true, topicPerms: [T=SUB]}
        """

    /// What a request code needs, by the reference's rules, but for those that README.md names: batches, replies, changes of accounts
    /// and all administration need rights here.
    private enum Need { case account, publish, topic, group, topicAndGroup, groupAndTopic, administrator }

    private static func need(_ code: Int32) -> Need {
        switch code {
        case 10, 310, 320, 324, 325: .publish
        case 12: .topic
        case 35, 36, 38: .group
        case 11, 15: .topicAndGroup
        case 34: .groupAndTopic
        case 17, 25, 50, 51, 53, 200, 207, 215, 222, 306, 309, 314, 316, 323, 329, 1908: .administrator
        default: .account
        }
    }

    /// What is said to an account; nil: it may.
    private static func refusal(_ account: String, _ code: Int32) -> String? {
        let (topic, group) = ("No default permission for topic:T", "No default permission for group:g")
        switch (account, need(code)) {
        case (_, .account), ("administrator", _), ("limited-admin", .administrator): return nil
        case (_, .administrator): return "Need admin permission for request code=\(code), but accessKey=\(account) is not"
        case ("everything", _), ("producer", .publish), ("consumer", .topic), ("consumer", .group), ("consumer", .topicAndGroup), ("consumer", .groupAndTopic),
            ("limited-admin", .topic):
            return nil
        case (_, .group), (_, .groupAndTopic), ("limited-admin", .topicAndGroup): return group
        case (_, .publish), (_, .topic), (_, .topicAndGroup): return topic
        }
    }

    private static func request(_ code: Int32) -> RemotingCommand {
        var command = RemotingCommand(code: code)
        command.fields = ["topic": "T", "b": "T", "group": "g", "consumerGroup": "g", "a": "g", "producerGroup": "g"]
        if code == RequestCode.heartBeat.rawValue {
            let consumer = ConsumerData {
                $0.group = "g"
                $0.subscriptions = [SubscriptionData(topic: "T", tagExpression: "*", version: 1)]
            }
            command.body = HeartbeatData {
                $0.clientId = "c"
                $0.consumers = [consumer]
            }.body
        }
        return command
    }

    private static func signed(_ request: RemotingCommand, _ account: String, _ secret: String = "secret-1") throws -> RemotingCommand {
        var request = request
        try #require(RequestSigner(accessKey: account, secretKey: secret)).sign(&request)
        return request
    }

    @Test func everyRequestCodeWithEveryKindOfAccount() throws {
        try withTemporaryFolder { folder in
            try SmallFile.replace(folder + "/conf/plain_acl.yml", with: Self.file)
            let control = try PlainAccessControl(AccountPlaces(home: folder), logger: .silent)
            let remote = HostAddress(ipv4: (172, 16, 0, 1), port: 1)
            func remark(_ request: RemotingCommand) -> String? {
                let access = BrokerRequests.table.access(to: request.requestCode)
                do {
                    try control.check(request, needing: access, from: remote)
                    return nil
                } catch {
                    #expect((error as? Refusal)?.code == .systemError)
                    return (error as? Refusal)?.remark.droppingBytePrefix("org.apache.rocketmq.acl.common.AclException: ")
                }
            }
            var refused = 0
            for code in Int32(0)...2_000 {
                let request = Self.request(code)
                #expect(remark(request) == "No accessKey is configured")
                #expect(remark(try Self.signed(request, "nobody7")) == "No acl config for nobody7")
                #expect(remark(try Self.signed(request, "administrator", "secret-2")) == "Check signature failed for accessKey=administrator")
                for account in ["nothing", "producer", "consumer", "everything", "administrator", "limited-admin"] {
                    let expected = Self.refusal(account, code)
                    #expect(remark(try Self.signed(request, account)) == expected, "\(RequestCode(rawValue: code)) of \(account)")
                    refused += expected == nil ? 0 : 1
                }
            }
            #expect(refused > 60)
        }
    }

    // MARK: recorded

    /// The recorded requests of accounts are served, and the recorded refusals given, but for the line of the reference's source in them.
    @Test func theRecordedFramesGetTheRecordedAnswers() async throws {
        let golden = try GoldenData.text("plain_acl.rewritten.yml")
        let frames = try GoldenData.lines("frames-acl.jsonl").map { try JSONValue(parsing: $0) }
        func command(_ frame: JSONValue) throws -> RemotingCommand {
            try RemotingCommand.decode(frame: Array(try #require(frame["frame"]?.asString.flatMap(Hex.bytes)).dropFirst(4)))
        }
        try await withPeer(accounts: ["plain_acl.yml": golden]) { peer in
            var served = 0
            for frame in frames where frame["to"]?.asString == "broker" {
                let request = try command(frame)
                if request.isOneway {
                    try await peer.client.sendOneway(request, to: peer.address)
                    continue
                }
                let answer = try await peer.client.request(request, to: peer.address, timeout: .generous)
                #expect(answer.remark?.contains("AclException") != true, "\(request.requestCode): \(answer.remark ?? "")")
                served += 1
            }
            #expect(served > 15)

            var refusals: [RemotingCommand] = []
            for frame in frames where frame["kind"]?.asString == "response" {
                let answer = try command(frame)
                if answer.code != 0 { refusals.append(answer) }
            }
            func heartbeat(_ group: String, _ secret: String) throws -> RemotingCommand {
                let consumer = ConsumerData { $0.group = group }
                let data = HeartbeatData {
                    $0.clientId = "c"
                    $0.consumers = [consumer]
                }
                return try Self.signed(RemotingCommand(.heartBeat, body: data.body), "user-one", secret)
            }
            var send = RemotingCommand(.sendMessageV2, body: [1])
            send.fields = Self.sendFields("AclSubOnly")
            var list = RemotingCommand(.getConsumerListByGroup)
            list.fields = ["consumerGroup": "acl_denied"]
            let requests = [
                try heartbeat("acl_denied", "secret-one-1"), try heartbeat("acl_group", "secret-wrong"), try Self.signed(send, "user-one", "secret-one-1"),
                try Self.signed(list, "user-one", "secret-one-1"),
            ]
            var given: [RemotingCommand] = []
            for request in requests { given.append(try await peer.client.request(request, to: peer.address, timeout: .generous)) }
            for refusal in refusals {
                let recorded = try #require(refusal.remark)
                #expect(
                    given.contains { answer in
                        answer.code == refusal.code && answer.fields?.isEmpty != false && recorded.hasBytePrefix((answer.remark ?? "?") + ", org.apache.rocketmq.acl.plain.")
                    }, "\(recorded)")
            }
            #expect(refusals.count >= 5)
        }
    }

    // MARK: over the wire

    @Test func anAccountThatIsMadeOverTheWireSendsAtOnceAndNoAnswerHasASecret() async throws {
        let lines = Lines()
        try await withPeer(accounts: ["plain_acl.yml": Self.file], logger: Logger(category: "test", sink: lines)) { peer in
            func ask(_ request: RemotingCommand) async throws -> RemotingCommand { try await peer.client.request(request, to: peer.address, timeout: .generous) }
            var send = RemotingCommand(.sendMessageV2, body: [1])
            send.fields = Self.sendFields("T")
            #expect(try await ask(Self.signed(send, "newcomer", "geheim-7")).remark == "org.apache.rocketmq.acl.common.AclException: No acl config for newcomer")
            var make = RemotingCommand(.updateAndCreateAclConfig)
            make.fields = ["accessKey": "newcomer", "secretKey": "geheim-7", "topicPerms": "T=PUB", "admin": "false"]
            #expect(try await ask(Self.signed(make, "everything")).remark?.contains("Need admin permission") == true)
            let made = try await ask(Self.signed(make, "administrator"))
            #expect(made.code == 0)
            let sent = try await ask(Self.signed(send, "newcomer", "geheim-7"))
            #expect(sent.code == 0, "\(sent.remark ?? "")")
            make.fields?["topicPerms"] = "T"
            let refused = try await ask(Self.signed(make, "administrator"))
            #expect(refused.responseCode == .updateAndCreateAclConfigFailed)
            let version = try await ask(Self.signed(RemotingCommand(.getBrokerClusterAclInfo), "nothing"))
            let shown = try await ask(Self.signed(RemotingCommand(.getBrokerConfig), "nothing"))
            for answer in [made, sent, refused, version, shown] {
                let text = "\(answer) \(answer.text)"
                #expect(!text.contains("geheim") && !text.contains("secret-1"))
            }
        }
        #expect(!lines.all.contains { $0.contains("geheim") || $0.contains("secret-1") }, "nor has a line of the log")
        #expect(lines.all.contains { $0.contains("the account 'newcomer' was made or changed by command") })
    }

    @Test func aChangedFileIsInForceSoon() async throws {
        try await withPeer(accounts: ["plain_acl.yml": Self.file]) { peer in
            let request = try Self.signed(RemotingCommand(.getBrokerConfig), "by-hand")
            #expect(try await peer.client.request(request, to: peer.address, timeout: .generous).code != 0)
            try SmallFile.replace(peer.accountFolder + "/plain_acl.yml", with: Self.file + "\n- {accessKey: by-hand, secretKey: secret-1}\n")
            try await eventually("the account is known") { try await peer.client.request(request, to: peer.address, timeout: .generous).code == 0 }
        }
    }

    @Test func aOnewayRequestThatIsRefusedDoesNothing() async throws {
        try await withPeer(accounts: ["plain_acl.yml": Self.file]) { peer in
            var send = RemotingCommand(.sendMessageV2, body: [1])
            send.fields = Self.sendFields("T")
            send.isOneway = true
            try await peer.client.sendOneway(send, to: peer.address)
            let next = try await peer.client.request(RemotingCommand(.getBrokerConfig), to: peer.address, timeout: .generous)
            #expect(next.remark == "org.apache.rocketmq.acl.common.AclException: No accessKey is configured")
            #expect(peer.broker.state.topics["T"] == nil)
        }
    }

    @Test func aClosedBrokerAnswersNobodyWithoutASignature() async throws {
        let open = "globalWhiteRemoteAddresses: ['*']\n" + Self.file
        try await withPeer(accounts: ["plain_acl.yml": open], { $0.access.requiresSignature = true }) { peer in
            for code in [RequestCode.getBrokerConfig, .heartBeat, .pullMessage, .updateBrokerConfig] {
                let answer = try await peer.ask(code)
                #expect(answer.remark == "org.apache.rocketmq.acl.common.AclException: No accessKey is configured", "\(code)")
            }
            let signed = try Self.signed(RemotingCommand(.getBrokerConfig), "nothing")
            #expect(try await peer.client.request(signed, to: peer.address, timeout: .generous).code == 0)
        }
    }

    // MARK: the start

    @Test func withoutItsFilesABrokerWithAccessControlDoesNotStart() throws {
        #expect(throws: BrokerError.accounts(reason: "conf/plain_acl.yml: neither ROCKETMQ_HOME nor the key rocketmqHome says in which folder it is")) {
            try Peer { $0.access.isOn = true }
        }
        let error = #expect(throws: BrokerError.self) { try Peer(accounts: ["plain_acl.yml": "accounts:\n- accessKey: user-one\n  secretKey: geheim\n"]) }
        #expect(error?.description.hasSuffix("line 3: secretKey of 'user-one' is missing or too short; allowed: more than 6 characters") == true)
        #expect(error?.description.contains("geheim") == false)
    }

    @Test func theFileMayLieElsewhereBelowItsHome() async throws {
        try await withPeer(accounts: ["other.yml": Self.file], { $0.access.accountFile = "conf/other.yml" }) { peer in
            let signed = try Self.signed(RemotingCommand(.getBrokerConfig), "nothing")
            #expect(try await peer.client.request(signed, to: peer.address, timeout: .generous).code == 0)
        }
    }
}
