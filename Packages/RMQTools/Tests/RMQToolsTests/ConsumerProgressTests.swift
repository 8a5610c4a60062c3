@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Testing

@Suite(.takesTurns) struct ConsumerProgressTests {
    @Test(arguments: [
        "consumerProgress-g", "consumerProgress-g-lag", "consumerProgress-g-slave", "consumerProgress-g-s", "consumerProgress-g-orderly-s",
    ])
    func progressOfAGroup(_ name: String) throws {
        let recording = try Recording(name)
        let showsClients = name.hasSuffix("-s")
        let lines = recording.output.split(separator: "\n")
        var stats = ConsumeStats()
        stats.consumeTPS = try #require(Double(lines[lines.count - 2].split(separator: " ")[2]))
        var clients: [MessageQueue: String] = [:]
        for line in lines.dropFirst().dropLast(2) {
            var words = line.split(separator: " ").map(String.init)
            let queue = MessageQueue(topic: words[0], brokerName: words[1], queueId: try #require(Int32(words[2])))
            if showsClients { clients[queue] = words.remove(at: 5) }
            let last = words[6] == "N/A" ? 0 : try #require(LocalTime.utc.parse(moment(words[6], words[7])))
            let (brokerOffset, consumerOffset) = (try #require(Int64(words[3])), try #require(Int64(words[4])))
            stats.queues[queue] = .init {
                $0.brokerOffset = brokerOffset
                $0.consumerOffset = consumerOffset
                $0.lastTimestamp = last
            }
        }
        #expect(ConsumerProgressCommand.render(stats, clients: showsClients ? clients : nil, time: .utc) == recording.output)
    }

    @Test func everyGroup() throws {
        let recording = try Recording("consumerProgress")
        var text = ConsumerProgressCommand.header
        for line in recording.output.split(separator: "\n").dropFirst() {
            let words = line.split(separator: " ").map(String.init)
            let isPush = words[3] == "PUSH"
            let queue = MessageQueue(topic: "t", brokerName: "b", queueId: 0)
            let brokerOffset = try #require(Int64(words[words.count - 1]))
            var stats = ConsumeStats()
            stats.queues[queue] = .init { $0.brokerOffset = brokerOffset }
            stats.consumeTPS = try #require(Double(words[words.count - 2])) + 0.75
            let count = try #require(Int(words[1]))
            let members = ConsumerConnection {
                $0.connections = (0..<count).map { number in
                    .init {
                        $0.clientId = "\(number)"
                        $0.language = .java
                        $0.version = 409
                    }
                }
                $0.consumeType = isPush ? .passively : .actively
                $0.messageModel = words[4] == "BROADCASTING" ? .broadcasting : .clustering
                $0.consumeFromWhere = .lastOffset
            }
            text += ConsumerProgressCommand.render(group: words[0], stats: stats, members: members)
        }
        #expect(text == recording.output)
    }

    @Test func groupWithoutMembersIsOffline() {
        let line = ConsumerProgressCommand.render(group: "g", stats: nil, members: nil)
        #expect(line.split(separator: " ").map(String.init) == ["g", "0", "OFFLINE", "0", "0\n"])
    }

    @Test func whatSeveralBrokersSayIsAdded() async throws {
        let servers = Servers { command, address in
            switch command.requestCode {
            case .getRouteinfoByTopic: return .response(.success, body: Golden.route().body)
            case .getConsumeStats:
                let name = Golden.masters.first { $0.value == address }?.key ?? ""
                let queue = MessageQueue(topic: "T", brokerName: name, queueId: 0)
                var stats = ConsumeStats()
                stats.queues[queue] = .init {
                    $0.brokerOffset = 10
                    $0.consumerOffset = 4
                }
                stats.consumeTPS = name == "golden-a" ? 1.5 : 2
                return .response(.success, body: stats.body)
            default: return Golden.answer(command, address)
            }
        }
        let stats = try await Admin(nameServers: [Golden.nameServer], transport: servers).consumeStats(group: "g")
        #expect(stats.consumeTPS == 3.5)
        #expect(stats.lag == 12)
        #expect(Set(stats.queues.keys.map(\.brokerName)) == ["golden-a", "golden-b"])
    }

    @Test func groupThatConsumedNothing() async throws {
        let recording = try Recording("consumerProgress-g-broadcast")
        let servers = Servers { command, address in
            switch command.requestCode {
            case .getRouteinfoByTopic: .response(.success, body: Golden.route().body)
            case .getConsumeStats: .response(.success, body: ConsumeStats().body)
            default: Golden.answer(command, address)
            }
        }
        let run = try await Run(recording.words, servers: servers)
        #expect(run.output == recording.output)
        #expect(run.errors.contains(try #require(recording.causes.first)))
    }
}
