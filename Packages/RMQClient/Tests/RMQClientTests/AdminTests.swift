@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// Admin calls without a client, against servers that answer from a closure: whom they ask, how long they wait, what they throw.
@Suite(.takesTurns) struct AdminTests {
    private static let broker = "127.0.0.1:10911"
    private static let nameServers = ["127.0.0.1:9876", "127.0.0.1:9877"]

    private static func admin(
        _ nameServers: [String] = nameServers, _ answer: @escaping ScriptedTransport.Answer
    ) -> (Admin, ScriptedTransport) {
        let transport = ScriptedTransport(answer)
        return (Admin(nameServers: nameServers, transport: transport), transport)
    }

    @Test func aBrokerIsAskedByItsAddressWithoutANameServer() async throws {
        let (admin, transport) = Self.admin([]) { _, _ in .success(.response(.success, body: KeyValueTable(["putTps": "1.0"]).body)) }
        #expect(try await admin.brokerRuntimeInfo(at: Self.broker).table == ["putTps": "1.0"])
        #expect(transport.asked.map(\.address) == [Self.broker])
    }

    @Test func whatNeedsANameServerSaysThatThereIsNone() async throws {
        let (admin, transport) = Self.admin([]) { _, _ in .success(.response(.success)) }
        let asking = await failure { () throws(ClientError) in _ = try await admin.topics() }
        #expect(asking?.code == .noNameServer)
        let telling = await failure { () throws(ClientError) in try await admin.setKeyValue("v", namespace: "n", key: "k") }
        #expect(telling?.code == .noNameServer)
        #expect(transport.asked.isEmpty)
    }

    @Test func theServerThatRefusesIsNamed() async throws {
        let (admin, _) = Self.admin { _, _ in .success(.response(.noPermission, remark: "no")) }
        let atBroker = try #require(await failure { () throws(ClientError) in try await admin.deleteTopic("T", at: Self.broker) })
        #expect(atBroker.code == .refused)
        #expect(atBroker.responseCode == .noPermission)
        #expect(atBroker.remark == "no")
        #expect(Self.text(atBroker.server) == "broker 127.0.0.1:10911")
        let atNameServer = try #require(await failure { () throws(ClientError) in try await admin.deleteRoute(of: "T", inCluster: "c") })
        #expect(Self.text(atNameServer.server) == "name server 127.0.0.1:9876")
    }

    @Test func nameServersThatDoNotAnswerAreAllNamed() async throws {
        let (admin, transport) = Self.admin { _, address in .failure(.connectFailed(address: address, reason: "refused")) }
        let error = try #require(await failure { () throws(ClientError) in _ = try await admin.clusterInfo() })
        #expect(error.code == .connectionFailed)
        #expect(Self.text(error.server) == "name servers 127.0.0.1:9876, 127.0.0.1:9877")
        #expect(Set(transport.asked.map(\.address)) == Set(Self.nameServers))
    }

    @Test func whatHappenedToAConnectionIsToldApart() async throws {
        let failures: [(RemotingError, ClientError.Code)] = [
            (.connectFailed(address: Self.broker, reason: "refused"), .connectionFailed),
            (.connectionClosed(address: Self.broker), .connectionLost),
            (.badAddress("broker", reason: "no port"), .invalidAddress),
            (.timedOut(address: Self.broker, code: 28, after: .seconds(5)), .timedOut),
        ]
        for (cause, code) in failures {
            let (admin, _) = Self.admin { _, _ in .failure(cause) }
            let error = try #require(await failure { () throws(ClientError) in _ = try await admin.brokerRuntimeInfo(at: Self.broker) })
            #expect(error.code == code)
            #expect(error.isTransient)
            #expect(error.timeout == (code == .timedOut ? .seconds(5) : nil))
        }
    }

    /// One broker that finds nothing.
    private static func emptyCluster() -> (Admin, ScriptedTransport) {
        admin { command, _ in
            switch command.requestCode {
            case .getRouteinfoByTopic:
                .success(.response(.success, body: TopicRouteData(
                    queues: [], brokers: [BrokerData(cluster: "c", brokerName: "b", addresses: [0: Self.broker])]).body))
            default: .success(.response(.queryNotFound))
            }
        }
    }

    @Test func theTimeOutIsTheCallersAndThreeTimesThatForASearch() async throws {
        let (made, transport) = Self.emptyCluster()
        var admin = made
        admin.timeout = .seconds(7)
        #expect(try await admin.messages(topic: "T", key: "k").isEmpty)
        #expect(transport.asked.map(\.timeout) == [.seconds(7), .seconds(21)])
    }

    /// The time in an id is that of this month or the last; one may be older.
    @Test func anIdThatIsNotFoundSinceItsTimeIsLookedForFromTheBeginning() async throws {
        let (admin, transport) = Self.emptyCluster()
        let id = UniqueId.make()
        #expect(try await admin.message(topic: "T", uniqueId: id) == nil)
        let begins = try transport.asked.filter { $0.command.requestCode == .queryMessage }.map {
            try $0.command.header(QueryMessageHeader.self).beginTimestamp
        }
        #expect(begins.count == 2)
        #expect(begins.first.map { $0 > 0 } == true)
        #expect(begins.last == 0)
    }

    @Test func afterItsEndNothingIsAsked() async throws {
        let (admin, transport) = Self.admin { _, _ in .success(.response(.success)) }
        admin.close()
        let error = await failure { () throws(ClientError) in try await admin.deleteTopic("T", at: Self.broker) }
        #expect(error?.code == .closed)
        #expect(transport.asked.isEmpty)
    }

    @Test func theEndOfAClientIsItsOwn() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["1"])
            try await cluster.withClient { client in
                client.admin.close()
                let route = try await client.admin.route(of: "T")
                #expect(route.subscribeQueues.count == 1)
            }
        }
    }

    private static func text(_ server: ClientError.Server?) -> String {
        switch server {
        case .broker(let address): "broker " + address
        case .nameServer(let address): "name server " + address
        case .nameServers(let addresses): "name servers " + addresses.joined(separator: ", ")
        case nil: "none"
        }
    }
}

/// Answers from a closure, and remembers what was asked.
private final class ScriptedTransport: ClientTransport {
    typealias Answer = @Sendable (RemotingCommand, String) -> Result<RemotingCommand, RemotingError>
    private let answer: Answer
    private let requests = Mutex<[(command: RemotingCommand, address: String, timeout: Duration)]>([])

    init(_ answer: @escaping Answer) { self.answer = answer }

    var asked: [(command: RemotingCommand, address: String, timeout: Duration)] { requests.withLock { $0 } }

    func request(_ command: RemotingCommand, to address: String, timeout: Duration) async throws(RemotingError) -> RemotingCommand {
        requests.withLock { $0.append((command, address, timeout)) }
        return try answer(command, address).get()
    }

    func sendOneway(_ command: RemotingCommand, to address: String, timeout: Duration) async throws(RemotingError) {}
    func setRequestHandler(_ handler: @escaping @Sendable (RemotingCommand, String) async -> RemotingCommand?) {}
    func setConnectionClosedHandler(_ handler: @escaping @Sendable (String) -> Void) {}
    func close() {}
}
