@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// What administrators ask is taken from this machine, where nothing asks for an account and no key says otherwise.
@Suite(.takesTurns) struct RemoteAdministrationTests {
    /// An address of this machine that is not loopback.
    private static let outside = NetworkInterfaces.all().first { $0.count == 4 && $0[0] != 127 }.flatMap { HostAddress(ip: $0, port: 0)?.host }

    /// 25, a change of the configuration, has a key of its own. Nothing that a client sends for itself may be among these.
    private static let administration: Set<Int32> = [17, 50, 51, 53, 200, 207, 215, 222, 306, 309, 314, 316, 323, 329]

    @Test func theTableSaysWhatAdministratorsAsk() {
        let marked = (Int32(0)...1_000).filter { BrokerRequests.table.isAdministration(RequestCode(rawValue: $0)) }
        #expect(Set(marked) == Self.administration)
    }

    @Test(.enabled(if: outside != nil, "a network address is needed"))
    func throughAnotherAddressEachIsRefusedWithWhatToSet() async throws {
        let host = try #require(Self.outside)
        try await withPeer({ $0.listener.bindAddress = "0.0.0.0" }) { peer in
            let address = "\(host):\(peer.broker.port)"
            func ask(_ code: Int32, _ fields: HeaderFields = [:]) async throws -> RemotingCommand {
                try await peer.client.request(RemotingCommand(code: code, fields: fields), to: address, timeout: .generous)
            }
            for code in Self.administration {
                let answer = try await ask(code, ["topic": "T", "group": "g", "groupName": "g"])
                #expect(answer.responseCode == .noPermission, "\(code)")
                #expect(answer.remark?.contains("allowRemoteAdmin=true") == true && answer.remark?.contains("aclEnable=true") == true, "\(answer.remark ?? "")")
            }
            #expect(peer.broker.state.topics["T"] == nil)
            // What clients and tools that only look send is served.
            for code in [26, 28, 21, 34, 38] as [Int32] { #expect(try await ask(code).responseCode != .noPermission, "\(code)") }
            var fields = HeaderFields()
            for (name, value) in Peer.sendFields("T") { fields[name] = value }
            #expect(try await ask(310, fields).code == 0)
            // And through loopback all is as ever.
            #expect(try await peer.createTopic("U").code == 0)
        }
    }

    @Test(.enabled(if: outside != nil, "a network address is needed"))
    func theKeyOrAnAccountAllowsIt() async throws {
        let host = try #require(Self.outside)
        func create(_ peer: Peer, signer: RequestSigner? = nil) async throws -> RemotingCommand {
            var command = RemotingCommand(.updateAndCreateTopic)
            command.fields = [
                "topic": "T", "defaultTopic": "TBW102", "readQueueNums": "1", "writeQueueNums": "1", "perm": "6", "topicFilterType": "SINGLE_TAG",
                "topicSysFlag": "0", "order": "false",
            ]
            signer?.sign(&command)
            return try await peer.client.request(command, to: "\(host):\(peer.broker.port)", timeout: .generous)
        }
        try await withPeer({
            $0.listener.bindAddress = "0.0.0.0"
            $0.listener.allowsRemoteAdministration = true
        }) { peer in
            let made = try await create(peer)
            #expect(made.code == 0, "\(made.remark ?? "")")
        }
        let accounts = "accounts:\n- {accessKey: admin-one, secretKey: secret-1, admin: true}\n"
        try await withPeer(accounts: ["plain_acl.yml": accounts], { $0.listener.bindAddress = "0.0.0.0" }) { peer in
            let unsigned = try await create(peer)
            #expect(unsigned.remark?.hasSuffix("No accessKey is configured") == true)
            let signed = try await create(peer, signer: RequestSigner(accessKey: "admin-one", secretKey: "secret-1"))
            #expect(signed.code == 0)
        }
    }
}
