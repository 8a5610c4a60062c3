@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// In whose name a broker registers, and what is said when a name server wants another.
@Suite(.takesTurns) struct BrokerAccountTests {
    private final class Lines: LogSink {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func write(_ record: LogRecord) { lines.withLock { $0.append(record.message) } }
    }

    private func withBroker(
        _ server: FakeNameServer, tools: String?, home isKnown: Bool = true, _ body: (Lines, String) async throws -> Void
    ) async throws {
        let home = try TemporaryFolder(), lines = Lines()
        if let tools { try SmallFile.replace(home.sub("conf/tools.yml"), with: tools) }
        let peer = try Peer(logger: Logger(category: "test", sink: lines)) {
            $0.nameServers = [server.address]
            if isKnown { $0.rocketmqHome = home.path }
        }
        defer { peer.stop() }
        try await body(lines, home.path)
    }

    @Test func theAccountOfToolsSignsAllThatIsTold() async throws {
        try await withNameServers(1) { servers in
            try await withBroker(servers[0], tools: "accessKey: rocketmq2\nsecretKey: geheim-7\n") { lines, _ in
                try await eventually("registered") { !servers[0].registrations.isEmpty }
                #expect(servers[0].accounts == ["rocketmq2"])
                #expect(!lines.all.contains { $0.contains("geheim") })
            }
        }
    }

    @Test(arguments: [nil, "", "accessKey: rocketmq2\n"])
    func withoutAnAccountNothingIsSigned(_ tools: String?) async throws {
        try await withNameServers(1) { servers in
            try await withBroker(servers[0], tools: tools) { _, _ in
                try await eventually("registered") { !servers[0].registrations.isEmpty }
                #expect(servers[0].accounts.isEmpty)
            }
        }
    }

    @Test func aFileThatCannotBeReadIsSaidAndTheBrokerStarts() async throws {
        try await withNameServers(1) { servers in
            try await withBroker(servers[0], tools: "accessKey: rocketmq2\nsecretKey: [geheim-7]\n") { lines, home in
                try await eventually("registered") { !servers[0].registrations.isEmpty }
                #expect(lines.all.contains { $0.hasPrefix("what this broker asks of name servers and of its master is not signed: \(home)/conf/tools.yml, line 2: ") })
                #expect(!lines.all.contains { $0.contains("geheim") })
            }
        }
    }

    @Test(arguments: [
        (nil, true, "and this broker does not sign: write accessKey and secretKey of one of its administrators to <home>/conf/tools.yml and start the broker again"),
        (nil, false, "conf/tools.yml of the folder that ROCKETMQ_HOME or the key rocketmqHome names"),
        ("accessKey: rocketmq2\nsecretKey: geheim-7\n", true, "it has to have the account 'rocketmq2', by which this broker signs (<home>/conf/tools.yml)"),
    ] as [(String?, Bool, String)])
    func aClosedNameServerIsExplained(_ tools: String?, home isKnown: Bool, advice: String) async throws {
        try await withNameServers(1) { servers in
            servers[0].refusals = 1
            servers[0].refusal = "org.apache.rocketmq.acl.common.AclException: No accessKey is configured"
            try await withBroker(servers[0], tools: tools, home: isKnown) { lines, home in
                let expected = advice.split(separator: "<home>", omittingEmptySubsequences: false).joined(separator: home)
                try await eventually("the advice") { lines.all.contains { $0.contains("refused the registration") && $0.contains(expected) } }
            }
        }
    }
}
