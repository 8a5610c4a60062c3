@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// Accounts of access control, as administrators see and change them.
enum AccountRows {
    private static let codes: Set<RequestCode> = [.updateAndCreateAclConfig, .deleteAclConfig, .getBrokerClusterAclInfo, .updateGlobalWhiteAddrsConfig]

    /// The account files of a broker that is asked about accounts, and lets everybody ask; none for other codes.
    static func files(for code: RequestCode) -> [String: String] {
        guard codes.contains(code) else { return [:] }
        return [
            "plain_acl.yml": "accounts:\n- {accessKey: rocketmq2, secretKey: 12345678, admin: true}\n",
            "acl/open.yml": "globalWhiteRemoteAddresses: ['*']\n",
        ]
    }

    private static func file(_ peer: Peer, _ name: String = "plain_acl.yml") throws -> String {
        String(decoding: try #require(try SmallFile.read(peer.accountFolder + "/" + name)), as: UTF8.self)
    }

    static let all: [RowCase] = [
        RowCase(
            .updateAndCreateAclConfig, good: "makes an account", fields: ["accessKey": "someone", "secretKey": "87654321", "topicPerms": "T=PUB"]
        ) { peer, _ async throws in
            #expect(try file(peer).contains("- accessKey: someone\n  secretKey: '87654321'\n  admin: false\n  topicPerms:\n  - T=PUB\n"))
        },
        RowCase(
            .updateAndCreateAclConfig, bad: "too short a secret", fields: ["accessKey": "someone", "secretKey": "123"],
            answers: .updateAndCreateAclConfigFailed, remark: "The accessKey=someone and its secretKey cannot be null and length should longer than 6"),
        RowCase(.deleteAclConfig, good: "deletes an account", fields: ["accessKey": "rocketmq2"]) { peer, _ async throws in
            #expect(try !file(peer).contains("rocketmq2"))
        },
        RowCase(
            .deleteAclConfig, bad: "unknown", fields: ["accessKey": "nobody12"], answers: .deleteAclConfigFailed,
            remark: "The accesskey[nobody12] corresponding to accessConfig has been deleted failed."),
        RowCase(.getBrokerClusterAclInfo, good: "tells the versions of all files") { peer, answer async throws in
            let header = try answer.header(AccessVersionResponseHeader.self)
            #expect(header.brokerName == "broker-a")
            #expect(header.clusterName == "DefaultCluster")
            #expect(header.brokerAddress == peer.address)
            let files = try JSONValue(parsing: try #require(header.fileVersions))
            #expect(files[peer.accountFolder + "/plain_acl.yml"]?["counter"]?.asInt64 == 0)
            #expect(files[peer.accountFolder + "/acl/open.yml"] != nil)
            #expect(try JSONValue(parsing: header.version)["counter"]?.asInt64 == 0)
        },
        RowCase(
            .updateGlobalWhiteAddrsConfig, good: "replaces the white list", fields: ["globalWhiteAddrs": "10.0.0.1,10.0.0.2"]
        ) { peer, _ async throws in
            #expect(try file(peer).contains("globalWhiteRemoteAddresses:\n- 10.0.0.1\n- 10.0.0.2\n"))
        },
        RowCase(
            .updateGlobalWhiteAddrsConfig, bad: "no account file", fields: ["globalWhiteAddrs": "10.0.0.1", "aclFileFullPath": "/no/such.yml"],
            answers: .updateGlobalWhiteAddrsConfigFailed, remark: "The globalWhiteAddresses[10.0.0.1] has been updated failed."),
    ]
}
