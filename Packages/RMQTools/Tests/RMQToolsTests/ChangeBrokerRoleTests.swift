import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Testing

@Suite(.takesTurns) struct ChangeBrokerRoleTests {
    private let broker = "127.0.0.1:30911"

    @Test(arguments: [
        (["-r", "slave"], ["brokerRole": "SLAVE"]),
        (["-r", "slave", "-a", "127.0.0.1:31911", "-i", "2"], ["brokerRole": "SLAVE", "masterAddr": "127.0.0.1:31911", "brokerId": "2"]),
        (["-r", "master"], ["brokerRole": "ASYNC_MASTER"]), (["-r", "Master", "-o", "73216"], ["brokerRole": "ASYNC_MASTER", "leastOffset": "73216"]),
        (["-r", "syncMaster"], ["brokerRole": "SYNC_MASTER"]),
    ])
    func theBrokerIsTold(words: [String], fields: [String: String]) async throws {
        let servers = Servers { _, _ in .response(.success) }
        let run = try await Run(["changeBrokerRole", "-b", broker] + words, servers: servers)
        #expect(run.errors.isEmpty && run.output.hasPrefix("the broker \(broker) is a "))
        #expect(servers.addresses(asked: .changeBrokerRole) == [broker])
        let told = try #require(servers.fields(asked: .changeBrokerRole).first)
        for name in ["brokerRole", "masterAddr", "brokerId", "leastOffset"] { #expect(told[name] == fields[name], "\(name)") }
    }

    @Test(arguments: [["-r", "leader"], ["-r", "slave", "-i", "two"], ["-r", "master", "-o", "x"], []])
    func whatIsNoRoleAsksNobody(words: [String]) async throws {
        let servers = Servers { _, _ in .response(.success) }
        let run = try await Run(["changeBrokerRole", "-b", broker] + words, servers: servers)
        #expect(!run.output.isEmpty)
        #expect(servers.addresses(asked: .changeBrokerRole).isEmpty)
    }

    @Test func itsHelpNamesItsOptions() async throws {
        let help = try await Run(["help", "changeBrokerRole"]).output
        for option in ["--brokerAddr", "--role", "--masterAddr", "--brokerId", "--leastOffset"] { #expect(help.contains(option), "\(help)") }
    }

    @Test func aRefusalIsTold() async throws {
        let servers = Servers { _, _ in .response(.systemError, remark: "the log ends at 5") }
        let run = try await Run(["changeBrokerRole", "-b", broker, "-r", "master", "-o", "7"], servers: servers)
        #expect(run.output.isEmpty && run.errors.contains("the log ends at 5"))
    }
}
