@testable import RMQACL
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// The reference's checks, their order and texts.
@Suite(.takesTurns) struct AccessRulesTests {
    private static let file = """
        globalWhiteRemoteAddresses: [10.10.103.*]
        accounts:
        - {accessKey: userone, secretKey: secret-1, whiteRemoteAddress: 192.168.1.*, defaultTopicPerm: SUB, defaultGroupPerm: DENY,
           topicPerms: [orders=PUB|SUB, read=SUB, write=PUB, none=DENY, '%RETRY%both=DENY'], groupPerms: [mine=SUB, both=SUB]}
        - {accessKey: admin-one, secretKey: secret-2, admin: true}
        - {accessKey: admin-two, secretKey: secret-3, admin: true, topicPerms: [orders=PUB]}
        """

    private let rules: AccessRules
    private let strict: AccessRules
    private let elsewhere = HostAddress("172.16.0.1:5000")!

    init() throws {
        let file = try AccountFile(Array(Self.file.utf8), path: "f.yml")
        rules = AccessRules([file], requiresSignature: false)
        strict = AccessRules([file], requiresSignature: true)
    }

    private func request(_ account: String?, _ secret: String = "secret-1", code: RequestCode = .pullMessage) throws -> RemotingCommand {
        var command = RemotingCommand(code, body: [1, 2])
        command.fields = ["topic": "orders", "queueId": "0"]
        if let account { try #require(RequestSigner(accessKey: account, secretKey: secret)).sign(&command) }
        return command
    }

    private func remark(
        _ request: RemotingCommand, _ access: RequestAccess = .account, from remote: String = "172.16.0.1:5000", _ rules: AccessRules? = nil
    ) throws -> String? {
        do {
            try (rules ?? self.rules).check(request, needing: access, from: try #require(HostAddress(remote)))
            return nil
        } catch let refusal as Refusal {
            #expect(refusal.code == .systemError)
            return refusal.remark.droppingBytePrefix("org.apache.rocketmq.acl.common.AclException: ")
        }
    }

    private func needing(_ rights: ResourceRight...) -> RequestAccess { .rights { _ in rights } }

    @Test func whoSignsAsAnAccountIsLetIn() throws {
        #expect(try remark(request("userone")) == nil)
    }

    @Test func eachMissingThingHasItsText() throws {
        #expect(try remark(request(nil)) == "No accessKey is configured")
        #expect(try remark(RemotingCommand(.pullMessage)) == "No accessKey is configured")
        #expect(try remark(request("nobody7")) == "No acl config for nobody7")
        #expect(try remark(request("userone", "secret-2")) == "Check signature failed for accessKey=userone")
    }

    @Test(arguments: ["topic", "queueId", "AccessKey", "SecurityToken", "new", "body", "Signature", "noSignature", "longer"])
    func whatIsChangedAfterSigningIsRefused(_ part: String) throws {
        var changed = try request("userone")
        switch part {
        case "body": changed.body.append(0)
        case "Signature": changed.fields?["Signature"] = "BOigG5+Fiv0354g5bQuwOUOPMp0="
        case "noSignature": changed.fields?["Signature"] = nil
        case "longer":
            let signature = changed.fields?["Signature"] ?? ""
            changed.fields?["Signature"] = signature + String(repeating: "=", count: 1 << 20)
        case "AccessKey": changed.fields?["AccessKey"] = "admin-one"
        default: changed.fields?[part] = "other"
        }
        let account = part == "AccessKey" ? "admin-one" : "userone"
        #expect(try remark(changed) == "Check signature failed for accessKey=\(account)")
    }

    /// Who reads the first of two fields must not find another topic than who checks the last.
    @Test func aFieldThatStandsTwiceIsRefused() throws {
        var command = try request("userone")
        var fields = HeaderFields(minimumCapacity: 8)
        fields.append("topic", "none")
        for field in command.fields ?? [:] { fields.append(field.name, field.value) }
        command.fields = fields
        try #require(RequestSigner(accessKey: "userone", secretKey: "secret-1")).sign(&command)
        #expect(try remark(command) == "The field topic stands twice in the request of accessKey=userone")
    }

    /// The client of the reference signs the field that its broker leaves out.
    @Test func aQueryByUniqueKeyIsTakenEitherWay() throws {
        var command = RemotingCommand(.queryMessage)
        command.fields = ["topic": "orders", "_UNIQUE_KEY_QUERY": "true"]
        let signer = try #require(RequestSigner(accessKey: "userone", secretKey: "secret-1"))
        signer.sign(&command)
        #expect(try remark(command) == nil)
        // Values in the order of the names: AccessKey, _UNIQUE_KEY_QUERY, topic.
        var content = signer.begin()
        content.add(Array("useronetrueorders".utf8))
        command.fields?["Signature"] = signer.signature(of: content).span.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        #expect(try remark(command) == nil)
    }

    @Test func whiteListsFreeFromEverything() throws {
        let admin = RequestAccess.administrator
        #expect(try remark(request(nil), admin, from: "10.10.103.7:1") == nil)
        #expect(try remark(request(nil), admin, from: "[::ffff:10.10.103.7]:1") == nil)
        #expect(try remark(request(nil), admin, from: "10.10.104.7:1") == "No accessKey is configured")
        #expect(try remark(request("userone", "wrong-secret"), admin, from: "192.168.1.9:1") == nil)
        #expect(try remark(request("admin-one", "wrong-secret"), admin, from: "192.168.1.9:1") == "Check signature failed for accessKey=admin-one")
    }

    @Test func aClosedServerWantsASignatureFromEverybody() throws {
        let admin = RequestAccess.administrator
        #expect(try remark(request(nil), admin, from: "10.10.103.7:1", strict) == "No accessKey is configured")
        #expect(try remark(request("userone", "wrong-secret"), admin, from: "192.168.1.9:1", strict) == "Check signature failed for accessKey=userone")
        #expect(try remark(request("userone"), admin, from: "192.168.1.9:1", strict) == nil)
        #expect(try remark(request("userone"), admin, from: "10.10.103.7:1", strict) == nil)
        #expect(try remark(request("userone"), admin, strict: true)?.hasPrefix("Need admin permission") == true)
    }

    private func remark(_ request: RemotingCommand, _ access: RequestAccess, strict: Bool) throws -> String? {
        try remark(request, access, from: "172.16.0.1:5000", self.strict)
    }

    @Test func onlyAnAdministratorAdministrates() throws {
        #expect(try remark(request("userone", code: .updateAndCreateTopic), .administrator)
            == "Need admin permission for request code=17, but accessKey=userone is not")
        #expect(try remark(request("admin-one", "secret-2"), .administrator) == nil)
        #expect(try remark(request("admin-two", "secret-3"), .administrator) == nil)
    }

    @Test(arguments: [
        (ResourceRight(.publish, topic: "orders"), nil), (ResourceRight(.subscribe, topic: "orders"), nil),
        (ResourceRight(.publish, topic: "read"), "topic:read"), (ResourceRight(.subscribe, topic: "read"), nil),
        (ResourceRight(.publish, topic: "write"), nil), (ResourceRight(.subscribe, topic: "write"), "topic:write"),
        (ResourceRight(.subscribe, topic: "none"), "topic:none"), (ResourceRight(.subscribe, topic: "unlisted"), nil),
        (ResourceRight(.publish, topic: "unlisted"), "topic:unlisted"), (ResourceRight(.subscribe, group: "mine"), nil),
        (ResourceRight(.subscribe, topic: "%RETRY%mine"), nil), (ResourceRight(.subscribe, group: "other"), "group:other"),
        // A topic entry that is named as a retry topic counts before the group's.
        (ResourceRight(.subscribe, group: "both"), "group:both"),
        (ResourceRight(.publish, topic: "RMQ_SYS_TRACE_TOPIC"), nil), (ResourceRight(.subscribe, topic: "RMQ_SYS_TRACE_TOPIC"), nil),
    ] as [(ResourceRight, String?)])
    func aRightIsThatOfTheListOrTheDefault(_ right: ResourceRight, missing: String?) throws {
        #expect(try remark(request("userone"), needing(right)) == missing.map { "No default permission for \($0)" })
        #expect(try remark(request("admin-one", "secret-2"), needing(right)) == nil, "an administrator without lists may everything")
    }

    @Test func anAdministratorWithListsIsHeldToThem() throws {
        #expect(try remark(request("admin-two", "secret-3"), needing(ResourceRight(.publish, topic: "orders"))) == nil)
        #expect(try remark(request("admin-two", "secret-3"), needing(ResourceRight(.subscribe, topic: "orders"))) == "No default permission for topic:orders")
        #expect(try remark(request("admin-two", "secret-3"), needing(ResourceRight(.subscribe, group: "g"))) == "No default permission for group:g")
    }

    @Test func ofSeveralRightsEachIsNeeded() throws {
        let both = needing(ResourceRight(.subscribe, topic: "orders"), ResourceRight(.subscribe, group: "other"))
        #expect(try remark(request("userone"), both) == "No default permission for group:other")
        #expect(try remark(request("userone"), needing()) == nil)
    }

    /// What would be read of a body is read of requests of accounts only.
    @Test func nothingIsReadOfARequestThatIsNotSigned() throws {
        struct Read: Error {}
        let access = RequestAccess.rights { _ in throw Read() }
        #expect(try remark(request("userone", "wrong-secret"), access) == "Check signature failed for accessKey=userone")
        #expect(throws: Read.self) { try remark(request("userone"), access) }
    }

    @Test func theSignedRequestsOfTheRecordingsAreOfTheirAccounts() throws {
        let golden = try AccessRules([AccountFile(GoldenData.bytes("plain_acl.rewritten.yml"), path: "f.yml")], requiresSignature: true)
        var checked = 0
        for line in try GoldenData.lines("frames-acl.jsonl") {
            let frame = try JSONValue(parsing: line)
            guard frame["kind"]?.asString != "response" else { continue }
            let bytes = try #require(frame["frame"]?.asString.flatMap(Hex.bytes))
            let command = try RemotingCommand.decode(frame: Array(bytes.dropFirst(4)))
            try golden.check(command, needing: .account, from: elsewhere)
            checked += 1
        }
        #expect(checked > 20)
    }
}
