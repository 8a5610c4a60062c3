import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

@testable import RMQClient

/// Which name servers are asked: changed while the client runs, and looked up at a web server.
@Suite(.takesTurns) struct NameServerTests {
    @Test func anotherListIsTakenOver() {
        var servers = NameServers(["a:1", "b:1"], start: 1)
        // Each list, whether it is another one, and what is asked then.
        let lists: [([String], Bool, String)] = [
            ([], false, "b:1"), (["b:1", "a:1"], false, "b:1"), (["c:1", "b:1"], true, "b:1"), (["c:1"], true, "c:1"),
        ]
        for (list, isOther, chosen) in lists {
            let changed = servers.update(list)
            #expect(changed == isOther, "\(list)")
            #expect(servers.chosen.isExactly(chosen), "\(list)")
        }
    }

    @Test func theyMayChangeWhileTheClientRuns() async throws {
        let nobody = try ReservedPort()
        try await withFakeCluster { cluster in
            try await cluster.withClient({ $0.nameServers = [nobody.address] }) { client in
                #expect(await failure { () throws(ClientError) in _ = try await client.admin.route(of: "T") }?.code == .connectionFailed)
                try client.updateNameServers([cluster.address(of: FakeCluster.nameServer)])
                #expect(client.nameServers.count == 1)
                #expect(try await client.admin.route(of: "T").publishQueues.count == 1)
                for wrong in [[], ["nowhere"]] {
                    let error = #expect(throws: ClientError.self) { try client.updateNameServers(wrong) }
                    #expect(error?.code == .invalidConfiguration)
                }
                #expect(client.nameServers.isExactly([cluster.address(of: FakeCluster.nameServer)]))
            }
        }
    }

    @Test func theyAreLookedUpBeforeTheFirstRequestAndAgain() async throws {
        try await withFakeCluster { cluster in
            try await WebServer.run { web in
                web.answer = WebServer.response(200, " \(cluster.address(of: FakeCluster.nameServer)) \r\nmore")
                try await cluster.withClient({
                    $0.nameServers = []
                    $0.unitName = "u1"
                    var endpoint = NameServerEndpoint(domain: web.address)
                    endpoint.refreshInterval = .milliseconds(20)
                    $0.nameServerEndpoint = endpoint
                }) { client in
                    #expect(client.nameServers.isEmpty)
                    try await client.makeProducer(group: "pg").send(Message(topic: "T", text: "a"))
                    #expect(web.asked.hasBytePrefix("GET /rocketmq/nsaddr-u1?nofix=1 HTTP/1.1\r\nHost: \(web.address)\r\n"))
                    for header in ["Client-Version: V4_9_8\r\n", "Metaq-Client-RequestTS: "] { #expect(web.asked.containsBytes(of: header)) }
                    // What is no list leaves the list as it was.
                    let known = client.nameServers
                    for answer in [(503, "10.0.0.1:9876"), (200, "<html>"), (200, "")] {
                        web.answer = WebServer.response(answer.0, answer.1)
                        try await eventually("it is looked up again") { web.isAnswered }
                    }
                    #expect(client.nameServers.isExactly(known))
                    web.answer = WebServer.response(200, "10.0.0.1:9876;10.0.0.2:9876")
                    try await eventually("the new list is known") { client.nameServers.count == 2 }
                }
            }
        }
    }

    @Test func anEndpointThatDoesNotAnswerIsNoNameServer() async throws {
        let nobody = try ReservedPort()
        var configuration = RocketMQClient.Configuration(nameServers: [])
        configuration.nameServerEndpoint = NameServerEndpoint(domain: nobody.address)
        configuration.logger = .silent
        let error = await failure { () throws(ClientError) in
            let admin = try Admin(configuration)
            defer { admin.close() }
            _ = try await admin.topics()
        }
        #expect(error?.code == .noNameServer)
    }

    @Test(arguments: [("mq.example", "mq.example:8080"), ("mq.example:80", "mq.example:80")])
    func aDomainHasAPort(domain: String, address: String) {
        #expect(NameServerEndpoint(domain: domain).address.isExactly(address))
    }
}
