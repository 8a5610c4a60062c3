import RMQACL
import RMQCommon
@testable import RMQNamesrv
import RMQRemoting
import RMQTestSupport
import Testing

/// A name server with accounts: open for questions, or closed.
@Suite(.takesTurns) struct AccountTests {
    private static let file = """
        globalWhiteRemoteAddresses: [10.9.9.9]
        accounts:
        - {accessKey: ordinary, secretKey: secret-1, defaultTopicPerm: PUB|SUB, defaultGroupPerm: PUB|SUB}
        - {accessKey: administrator, secretKey: secret-2, admin: true}
        """

    private enum Sender: String, CaseIterable {
        case unsigned, unknown, forged, ordinary, administrator

        var signer: RequestSigner? {
            switch self {
            case .unsigned: nil
            case .unknown: RequestSigner(accessKey: "nobody7", secretKey: "secret-1")
            case .forged: RequestSigner(accessKey: "administrator", secretKey: "secret-1")
            case .ordinary: RequestSigner(accessKey: "ordinary", secretKey: "secret-1")
            case .administrator: RequestSigner(accessKey: "administrator", secretKey: "secret-2")
            }
        }
    }

    /// Registrations, and whatever changes or shows the server itself.
    private static let forAdministrators: Set<Int32> = [100, 102, 103, 104, 205, 216, 318, 319, 322, 327]
    private static let forAll: Set<Int32> = [101, 105, 106, 206, 219, 224, 304, 311, 312, 313]

    /// What is said to a sender; nil: it may.
    private static func refusal(_ sender: Sender, _ code: Int32, isClosed: Bool) -> String? {
        guard isClosed || forAdministrators.contains(code) else { return nil }
        switch sender {
        case .unsigned: return "No accessKey is configured"
        case .unknown: return "No acl config for nobody7"
        case .forged: return "Check signature failed for accessKey=administrator"
        case .ordinary: return forAdministrators.contains(code) ? "Need admin permission for request code=\(code), but accessKey=ordinary is not" : nil
        case .administrator: return nil
        }
    }

    private func withServer(
        isClosed: Bool = false, file: String = file, _ change: @escaping (inout NameServerConfiguration) -> Void = { _ in },
        _ body: (Bench, _ accountFile: String) async throws -> Void
    ) async throws {
        let home = try TemporaryFolder()
        try SmallFile.replace(home.sub("conf/plain_acl.yml"), with: file)
        try await Bench.run {
            $0.rocketmqHome = home.path
            $0.access.isOn = true
            $0.access.requiresSignature = isClosed
            change(&$0)
        } _: { try await body($0, home.sub("conf/plain_acl.yml")) }
    }

    @Test(arguments: [false, true]) func everyRequestCodeWithEveryKindOfAccount(isClosed: Bool) async throws {
        let served = (Int32(0)...1_000).filter { code in
            if case .served? = NameServerRequests.table[RequestCode(rawValue: code)]?.work { true } else { false }
        }
        #expect(Set(served) == Self.forAdministrators.union(Self.forAll))
        try await withServer(isClosed: isClosed) { bench, _ in
            for code in served {
                for sender in Sender.allCases {
                    var request = RemotingCommand(code: code)
                    request.fields = ["topic": "T", "namespace": "N", "key": "k", "value": "v", "brokerName": "b", "cluster": "c"]
                    sender.signer?.sign(&request)
                    let answer = try await bench.ask(request)
                    let said = answer.remark?.droppingBytePrefix("org.apache.rocketmq.acl.common.AclException: ")
                    #expect(said == Self.refusal(sender, code, isClosed: isClosed), "\(RequestCode(rawValue: code)) of \(sender)")
                }
            }
        }
    }

    @Test func onlyABrokerOfAnAdministratorRegisters() async throws {
        try await withServer { bench, _ in
            let refused = try await bench.register()
            #expect(refused.remark?.contains("No accessKey is configured") == true)
            #expect(try await bench.route("T") == nil)
            let loops = EventLoopGroup(count: 1, name: "signer")
            defer { loops.stop() }
            var configuration = ClientConfiguration()
            configuration.signer = Sender.administrator.signer
            let broker = RemotingClient(configuration: configuration, loops: loops, logger: .silent)
            defer { broker.close() }
            #expect(try await bench.register(through: broker).responseCode == .success)
            #expect(try await bench.route("T") != nil, "who asks needs no account")
        }
    }

    @Test func aRegistrationThatWasChangedAfterSigningIsRefused() async throws {
        try await withServer { bench, _ in
            let body = RegisterBrokerBody(topicConfigTable: TopicConfigTable(topics: [:], dataVersion: DataVersion(timestamp: 1))).body
            let header = RegisterBrokerHeader {
                $0.brokerName = "b"
                $0.brokerAddress = "10.0.0.1:10911"
                $0.clusterName = "c"
                $0.bodyCRC32 = CRC32.rocketMQ(body)
            }
            var request = RemotingCommand(.registerBroker, header: header, body: body)
            Sender.administrator.signer?.sign(&request)
            // Somebody on the way has read it, and sends it again with his own address.
            request.fields?["brokerAddr"] = "10.6.6.6:10911"
            let refused = try await bench.ask(request)
            #expect(refused.remark?.contains("Check signature failed") == true)
            let brokers = try await bench.ask(.getBrokerClusterInfo)
            #expect(!brokers.text.contains("10.6.6.6"))
        }
    }

    @Test func whiteAddressesNeedNoSignatureUnlessItIsClosed() async throws {
        let file = "globalWhiteRemoteAddresses: [127.0.0.1]\n" + Self.file.split(separator: "\n").dropFirst().joined(separator: "\n")
        for isClosed in [false, true] {
            try await withServer(isClosed: isClosed, file: file) { bench, _ in
                let answer = try await bench.register()
                #expect((answer.responseCode == .success) == !isClosed, "\(answer.remark ?? "")")
            }
        }
    }

    @Test func aChangedFileIsInForceSoon() async throws {
        let home = try TemporaryFolder()
        try SmallFile.replace(home.sub("conf/plain_acl.yml"), with: Self.file)
        let loops = EventLoopGroup(count: 1, name: "namesrv-accounts")
        defer { loops.stop() }
        var configuration = NameServerConfiguration(userHome: home.path)
        configuration.listener.port = 0
        configuration.rocketmqHome = home.path
        configuration.access.isOn = true
        let server = try NameServer(configuration: configuration, logger: .silent, loops: loops)
        try server.start()
        defer { server.stop() }
        let client = RemotingClient(loops: loops, logger: .silent)
        defer { client.close() }
        var request = RemotingCommand(.getNamesrvConfig)
        RequestSigner(accessKey: "by-hand", secretKey: "secret-1")?.sign(&request)
        let signed = request
        func isAllowed() async throws -> Bool {
            try await client.request(signed, to: "127.0.0.1:\(server.port)", timeout: .generous).responseCode == .success
        }
        #expect(try await !isAllowed())
        try SmallFile.replace(home.sub("conf/plain_acl.yml"), with: Self.file + "\n- {accessKey: by-hand, secretKey: secret-1, admin: true}\n")
        try await eventually("the account is known") { try await isAllowed() }
    }

    // MARK: the start

    @Test func withoutItsFilesANameServerWithAccessControlDoesNotStart() async throws {
        let expected = "access control (aclEnable=true) cannot begin: conf/plain_acl.yml: neither ROCKETMQ_HOME nor the key rocketmqHome says in which folder it is"
        let error = await #expect(throws: NameServerError.self) { try await Bench.run { $0.access.isOn = true } _: { _ in } }
        #expect(error?.description == expected)
        let bad = await #expect(throws: NameServerError.self) {
            try await withServer(file: "accounts:\n- accessKey: user-one\n  secretKey: geheim\n") { _, _ in }
        }
        #expect(bad?.description.contains("line 3: secretKey of 'user-one' is missing or too short") == true)
        #expect(bad?.description.contains("geheim") == false)
    }

    @Test(arguments: ["aclEnable=false", "authenticationRequired=false", "rocketmq.acl.plain.file=x", "rocketmqHome=/tmp"])
    func noCommandTurnsItOff(_ change: String) async throws {
        try await withServer { bench, _ in
            var request = RemotingCommand(.updateNamesrvConfig, body: Array(change.utf8))
            Sender.administrator.signer?.sign(&request)
            let answer = try await bench.ask(request)
            #expect(answer.responseCode == .noPermission)
            #expect(bench.server.configuration.access.isOn)
        }
    }
}
