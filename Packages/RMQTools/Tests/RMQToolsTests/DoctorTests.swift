@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Testing

@Suite(.takesTurns) struct DoctorTests {
    private static let now: Int64 = 1_795_236_128_000

    /// Two masters, one of them with a slave, two name servers, a topic, a group with two members: nothing is wrong.
    private static func healthy() -> Picture {
        var picture = Picture()
        picture.takenAt = now
        var info = Golden.info
        info.brokers["golden-a"]?.addresses[1] = "127.0.0.1:32911"
        picture.nameServers = ["127.0.0.1:29876", "127.0.0.1:29877"].map { .init(address: $0, info: .success(info)) }
        picture.brokers = [
            broker("golden-a", 0, "127.0.0.1:30911", ["brokerRole": "SYNC_MASTER", "slaveCount": "1"]),
            broker("golden-a", 1, "127.0.0.1:32911", ["brokerRole": "SLAVE", "masterLink": "following 127.0.0.1:30912"]),
            broker("golden-b", 0, "127.0.0.1:31911", ["brokerRole": "ASYNC_MASTER", "slaveCount": "0"]),
        ]
        picture.routes = ["Orders": Golden.route(slaveOfA: "127.0.0.1:32911"), "Payments": Golden.route()]
        picture.groups = [group("billing", lag: 5, members: ["one": "*", "two": "*"])]
        return picture
    }

    private static func broker(_ name: String, _ id: Int64, _ address: String, _ values: [ByteText: String]) -> Picture.Broker {
        let common: [ByteText: String] = [
            "brokerVersionDesc": "V4_9_8", "bootTimestamp": "\(now - 93_784_000)", "runtime": "[ 1 days, 2 hours, 3 minutes, 4 seconds ]",
            "commitLogDiskRatio": "0.22", "commitLogMaxOffset": "100000000", "dispatchBehindBytes": "0", "sendThreadPoolQueueHeadWaitTimeMills": "0",
        ]
        return Picture.Broker(
            cluster: "GoldenCluster", name: name, id: id, address: address, runtime: .success(common.merging(values) { _, new in new }),
            configuration: ["aclEnable": "false"], askedAt: now)
    }

    private static func group(_ name: String, lag: Int64, members: [String: String], since: Int64 = now - 1_000) -> Picture.Group {
        var stats = ConsumeStats()
        stats.queues[MessageQueue(topic: "Orders", brokerName: "golden-a", queueId: 0)] = ConsumeStats.Progress {
            $0.brokerOffset = 1_000_000
            $0.consumerOffset = 1_000_000 - lag
            $0.lastTimestamp = since
        }
        return Picture.Group(
            name: name, stats: stats, isConsumed: !members.isEmpty,
            members: members.map { .init(clientId: $0.key, subscriptions: [SubscriptionData(topic: "Orders", tagExpression: $0.value, version: 0)]) })
    }

    private static func set(_ key: ByteText, _ value: String, broker index: Int = 0, _ picture: inout Picture) {
        var values = picture.brokers[index].values
        values[key] = value
        picture.brokers[index].runtime = .success(values)
    }

    /// A fault that is planted into the healthy picture, and the one finding that must name it.
    struct Fault: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var subject: String
        var part: String
        var plant: @Sendable (inout Picture) -> Void

        init(_ name: String, at subject: String, says part: String, _ plant: @escaping @Sendable (inout Picture) -> Void) {
            (testDescription, self.subject, self.part, self.plant) = (name, subject, part, plant)
        }
    }

    private static let refused = ClientError(.connectionFailed, "refused", server: .nameServer("127.0.0.1:29877"))

    static let faults = [
        Fault("a name server is down", at: "name server 127.0.0.1:29877", says: "connect to 127.0.0.1:29877 failed") {
            $0.nameServers[1].info = .failure(refused)
        },
        Fault("name servers disagree", at: "name server 127.0.0.1:29877", says: "does not know 127.0.0.1:32911") {
            $0.nameServers[1].info = .success(Golden.info)
        },
        Fault("a broker does not answer", at: "broker golden-b:0 (127.0.0.1:31911)", says: "is registered, but: ") {
            $0.brokers[2].runtime = .failure(refused)
            $0.brokers[2].configuration = [:]
        },
        Fault("a broker has no master", at: "broker golden-a", says: "has no master, only 1 slave(s)") { $0.brokers.remove(at: 0) },
        Fault("a clock is ahead", at: "broker golden-a:0 (127.0.0.1:30911)", says: "its clock is 60.0 s ahead") {
            set("bootTimestamp", "\(now - 93_784_000 + 60_000)", &$0)
        },
        Fault("a clock is behind, by the broker's own key", at: "broker golden-a:0 (127.0.0.1:30911)", says: "its clock is 9.0 s behind") {
            set("currentTimestamp", "\(now - 9_000)", &$0)
        },
        Fault("versions differ", at: "cluster GoldenCluster", says: "2 versions: V4_7_0: golden-b:0; V4_9_8: golden-a:0, golden-a:1") {
            set("brokerVersionDesc", "V4_7_0", broker: 2, &$0)
        },
        Fault("a disk is nearly full", at: "broker golden-b:0 (127.0.0.1:31911)", says: "80 % full; from 75 % on files are deleted") {
            set("commitLogDiskRatio", "0.80", broker: 2, &$0)
        },
        Fault("a disk is full", at: "broker golden-b:0 (127.0.0.1:31911)", says: "93 % full; from 90 % on sends are refused") {
            set("commitLogDiskRatio", "0.93", broker: 2, &$0)
        },
        Fault("a replica is behind", at: "broker golden-a:1 (127.0.0.1:32911)", says: "is 85 MiB behind its master") {
            set("commitLogMaxOffset", "10000000", broker: 1, &$0)
        },
        Fault("a replica has stopped", at: "broker golden-a:1 (127.0.0.1:32911)", says: "does not follow its master: the logs differ") {
            set("masterLink", "the logs differ", broker: 1, &$0)
        },
        Fault("a waiting master has no slave", at: "broker golden-a:0 (127.0.0.1:30911)", says: "a SYNC_MASTER without a slave") {
            set("slaveCount", "0", &$0)
        },
        Fault("sends wait", at: "broker golden-a:0 (127.0.0.1:30911)", says: "sends wait 150 ms") {
            set("sendThreadPoolQueueHeadWaitTimeMills", "150", &$0)
        },
        Fault("queues are behind the log", at: "broker golden-a:0 (127.0.0.1:30911)", says: "100 MiB of its log are not in the consume queues") {
            set("dispatchBehindBytes", "\(100 << 20)", &$0)
        },
        Fault("anyone may ask", at: "broker golden-b:0 (10.0.0.7:10911)", says: "asks nobody who they are") { $0.brokers[2].address = "10.0.0.7:10911" },
        Fault("a topic cannot be written", at: "topic Orders", says: "no master lets it be written") { picture in
            for index in picture.routes["Orders"]!.queues.indices { picture.routes["Orders"]!.queues[index].permission = .read }
        },
        Fault("a topic cannot be read", at: "topic Orders", says: "no broker lets it be read") { picture in
            for index in picture.routes["Orders"]!.queues.indices { picture.routes["Orders"]!.queues[index].permission = .write }
        },
        Fault("queues that nobody reads", at: "topic Orders", says: "writes to 4 queues and lets 2 be read") { $0.routes["Orders"]!.queues[0].readQueueCount = 2 },
        Fault("a master's right to write is wiped", at: "broker golden-b:0 (127.0.0.1:31911)", says: "none of its 2 topics can be written") { picture in
            for topic in ["Orders", "Payments"] as [ByteText] {
                for index in picture.routes[topic]!.queues.indices where picture.routes[topic]!.queues[index].brokerName.isExactly("golden-b") {
                    picture.routes[topic]!.queues[index].permission = .read
                }
            }
        },
        Fault("a topic is on one master alone", at: "topic Orders", says: "is not on golden-b of cluster GoldenCluster") { picture in
            picture.routes["Orders"]!.queues.removeAll { $0.brokerName.isExactly("golden-b") }
        },
        Fault("dead letters", at: "group billing", says: "gave up on 1,234 message(s)") { $0.deadLetters["billing"] = 1_234 },
        Fault("members subscribe differently", at: "group billing", says: "one wants Orders TagA; two wants Orders TagB") {
            $0.groups = [group("billing", lag: 0, members: ["one": "TagA", "two": "TagB"])]
        },
        Fault("a group is behind", at: "group billing", says: "is behind: 200,000 message(s) wait") {
            $0.groups = [group("billing", lag: 200_000, members: ["one": "*"])]
        },
        Fault("a group has old messages before it", at: "group billing", says: "the oldest for 20 minutes") {
            $0.groups = [group("billing", lag: 3, members: ["one": "*"], since: now - 20 * 60_000)]
        },
        Fault("nobody consumes", at: "group billing", says: "nobody consumes for it, and 3 message(s) wait") {
            $0.groups = [group("billing", lag: 3, members: [:])]
        },
        Fault("a question is not answered", at: "1 question(s)", says: "(the members of group billing)") {
            $0.groups[0].isConsumed = nil
            $0.unanswered = [.init(question: "the members of group billing", error: refused)]
        },
    ]

    @Test func nothingIsFoundInAHealthyCluster() {
        let picture = Self.healthy()
        for check in Check.all { #expect(check.find(picture).isEmpty, "\(check.name)") }
        let text = DoctorCommand.render(picture, Check.all.map { ($0.name, $0.find(picture)) }, width: 80)
        #expect(text.hasSuffix("Nothing is wrong.\n"))
    }

    @Test(arguments: faults) func aPlantedFaultIsFound(_ fault: Fault) {
        var picture = Self.healthy()
        fault.plant(&picture)
        let findings = Check.all.flatMap { $0.find(picture) }
        #expect(findings.contains { $0.subject.isExactly(fault.subject) && $0.text.contains(fault.part) }, "\(findings)")
        #expect(findings.count == 1, "one fault is told once: \(findings)")
    }

    @Test func theCommandTellsProblemsAndFails() async throws {
        let run = try await Run(["doctor", "--exit-code"], servers: Servers(Golden.watched), width: 60)
        #expect(run.output.contains("1 name server(s), 2 broker(s)"))
        #expect(run.output.split(separator: "\n").allSatisfy { $0.count <= 60 })
        let nobody = try await Run(["doctor", "--exit-code"], servers: Servers { _, _ in nil })
        #expect(nobody.exitCode == 2)
        #expect(nobody.errors.contains("127.0.0.1:29876"))
    }

    /// A cluster that is down leaves thousands of questions without an answer.
    @Test func whatWasNotAnsweredIsToldUpToALimit() throws {
        var picture = Self.healthy()
        for number in 0..<1_000 {
            let error = ClientError(.connectionFailed, "refused", server: .broker("10.0.0.\(number % 20):10911"))
            picture.unanswered.append(.init(question: "the progress of group g\(number)", error: error))
        }
        let findings = Check.unanswered.find(picture)
        #expect(findings.count == 11)
        #expect(findings[0].subject == "50 question(s)")
        #expect(findings[0].text.hasSuffix(" and 47 more)"))
        #expect(try #require(findings.last).text == "could not be asked for 10 other reasons")
    }

    @Test func longLinesAreBrokenAtBlanks() {
        #expect(Columns.wrapped("PROBLEM  aaa bbb ccc", width: 12, indent: 9) == "PROBLEM  aaa\n         bbb\n         ccc\n")
        #expect(Columns.wrapped("x", width: 12, indent: 9) == "x\n")
        #expect(Columns.wrapped(String(repeating: "y", count: 50) + " z", width: 12, indent: 2).split(separator: "\n").count == 2)
    }
}
