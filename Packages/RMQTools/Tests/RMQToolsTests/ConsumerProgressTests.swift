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
        var stats = ConsumeStats(queues: [:], consumeTPS: try #require(Double(lines[lines.count - 2].split(separator: " ")[2])))
        var clients: [MessageQueue: String] = [:]
        for line in lines.dropFirst().dropLast(2) {
            var words = line.split(separator: " ").map(String.init)
            let queue = MessageQueue(topic: words[0], brokerName: words[1], queueId: try #require(Int32(words[2])))
            if showsClients { clients[queue] = words.remove(at: 5) }
            let last = words[6] == "N/A" ? 0 : try #require(LocalTime.utc.parse(moment(words[6], words[7])))
            stats.queues[queue] = .init(
                brokerOffset: try #require(Int64(words[3])), consumerOffset: try #require(Int64(words[4])), lastTimestamp: last)
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
            let stats = ConsumeStats(
                queues: [queue: .init(brokerOffset: try #require(Int64(words[words.count - 1])), consumerOffset: 0, lastTimestamp: 0)],
                consumeTPS: try #require(Double(words[words.count - 2])) + 0.75)
            let members = ConsumerConnection(
                connections: (0..<(try #require(Int(words[1])))).map { .init(clientId: "\($0)", address: "", language: .java, version: 409) },
                subscriptions: [:], consumeType: isPush ? .passively : .actively,
                messageModel: words[4] == "BROADCASTING" ? .broadcasting : .clustering, consumeFromWhere: .lastOffset)
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
                return .response(.success, body: ConsumeStats(
                    queues: [queue: .init(brokerOffset: 10, consumerOffset: 4, lastTimestamp: 0)], consumeTPS: name == "golden-a" ? 1.5 : 2).body)
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
            case .getConsumeStats: .response(.success, body: ConsumeStats(queues: [:], consumeTPS: 0).body)
            default: Golden.answer(command, address)
            }
        }
        let run = try await Run(recording.words, servers: servers)
        #expect(run.output == recording.output)
        #expect(run.errors.contains(try #require(recording.causes.first)))
    }
}
