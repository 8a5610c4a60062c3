import Foundation
@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Testing

/// `consumerStatus`: what members say of themselves, and what is wrong with them.
@Suite(.takesTurns) struct ConsumerStatusTests {
    /// The moment of every run.
    private static let now: Int64 = 1_795_236_128_000

    /// A broker that knows these members, and passes their answers on.
    private static func servers(_ infos: [(String, ConsumerRunningInfo)]) -> Servers {
        Servers { command, address in
            switch command.requestCode {
            case .getRouteinfoByTopic where command.fields?["topic"] != "%RETRY%golden_nobody": return .response(.success, body: Golden.route().body)
            case .getConsumerConnectionList:
                var members = ConsumerConnection()
                members.connections = infos.map { client, _ in
                    ClientConnection {
                        $0.clientId = client
                        $0.version = 409
                    }
                }
                return .response(.success, body: members.body)
            case .getConsumerRunningInfo:
                let client = command.fields?["clientId"] ?? ""
                let answer = infos.first { $0.0 == client }.map { RemotingCommand.response(.success, body: $0.1.body) }
                return answer ?? .response(.systemError, remark: "The Consumer <\(command.fields?["consumerGroup"] ?? "")> <\(client)> not online")
            default: return Golden.answer(command, address)
            }
        }
    }

    /// A push consumer that runs since `started` and takes everything of one topic.
    private static func pushing(_ expression: String = "*", started: Int64 = ConsumerStatusTests.now - 200_000) -> ConsumerRunningInfo {
        ConsumerRunningInfo {
            $0.properties = ["PROP_CONSUME_TYPE": "CONSUME_PASSIVELY", "PROP_CONSUMER_START_TIMESTAMP": "\(started)", "PROP_CONSUMEORDERLY": "false"]
            $0.subscriptions = [SubscriptionData {
                $0.topic = "GoldenPlain"
                $0.expression = expression
            }]
        }
    }

    /// Runs the words where files go into a folder of their own; answers them by their names.
    private static func run(_ words: [String], _ servers: Servers) async throws -> (run: Run, files: [String: String]) {
        let folder = try TemporaryFolder()
        let run = try await Run(words, servers: servers, workFolder: folder.path)
        var files: [String: String] = [:]
        let place = folder.sub("\(now)")
        for name in (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? [] {
            files[name] = try String(contentsOfFile: place + "/" + name, encoding: .utf8)
        }
        withExtendedLifetime(folder) {}
        return (run, files)
    }

    // MARK: One member

    /// The order of the properties is that of a hash table; where two lie in one bucket, that of their arrival at the recorded client, which
    /// is lost. So these lines are compared as a set.
    private struct Sections: Equatable {
        var properties: Set<String>
        var rest: String

        init(_ text: String) {
            let border = text.firstRange(of: "\n\n\n#Consumer Subscription#")?.lowerBound ?? text.startIndex
            properties = Set(text[..<border].split(separator: "\n").map(String.init))
            rest = String(text[border...])
        }
    }

    @Test(arguments: ["consumerStatus-i", "consumerStatus-i-b", "consumerStatus-i-s"])
    func oneMember(_ name: String) async throws {
        let recording = try Recording(name)
        let servers = Self.servers([("192.0.2.2@golden_consumer", try RunningInfoRecording.info(recording.output))])
        let run = try await Run(recording.words, servers: servers)
        #expect(Sections(run.output) == Sections(recording.output))
        #expect(run.errors.isEmpty && run.exitCode == recording.exitCode)
        #expect(servers.fields(asked: .getConsumerRunningInfo).map { $0["jstackEnable"] } == [name.hasSuffix("-s") ? "true" : "false"])
    }

    @Test(arguments: ["consumerStatus-i-unknown", "consumerStatus-unknown"])
    func whoIsNotThereIsTold(_ name: String) async throws {
        let recording = try Recording(name)
        try await Run(recording.words, servers: Self.servers([("other", Self.pushing())])).expect(recording)
    }

    @Test func oneMemberAsJSON() async throws {
        let recording = try Recording("consumerStatus-i")
        let servers = Self.servers([("192.0.2.2@golden_consumer", try RunningInfoRecording.info(recording.output))])
        let run = try await Run(recording.words + ["--json"], servers: servers)
        let json = try JSONValue(parsing: run.output)
        #expect(json["properties"]?["pullBatchSize"] == 32)
        let queues = try #require(json["mqTable"]?.asArray)
        #expect(queues.count == 10 && queues[2]["topic"] == "GoldenPlain" && queues[2]["commitOffset"] == 5)
        #expect(!run.output.contains("jstack"))
    }

    // MARK: All members

    /// The recorded rows name a folder by the time of the recorded run.
    @Test(arguments: [
        "consumerStatus", "consumerStatus-lag", "consumerStatus-litepull", "consumerStatus-orderly", "consumerStatus-s", "consumerStatus-two",
        "consumerStatus-two-first2min",
    ])
    func allMembers(_ name: String) async throws {
        var recording = try Recording(name)
        let rows = recording.output.split(separator: "\n").filter { $0.contains("V4_9_8") }.map { $0.split(separator: " ").map(String.init) }
        let began = String(rows[0][3].prefix { $0 != "/" })
        recording.output = recording.output.replacingOccurrences(of: began + "/", with: "\(Self.now)/")
        let infos = rows.map { words in
            var info = Self.pushing(words[1].hasSuffix("two1") ? "TagA" : "*", started: Self.now - (name.hasSuffix("first2min") ? 119_000 : 121_000))
            if name.hasSuffix("litepull") { info.properties["PROP_CONSUME_TYPE"] = "CONSUME_ACTIVELY" }
            return (words[1], info)
        }
        let (run, files) = try await Self.run(recording.words, Self.servers(infos))
        run.expect(recording)
        #expect(Set(files.keys) == Set(infos.map(\.0)))
    }

    @Test func aFileHoldsWhatTheMemberSaid() async throws {
        let recorded = try GoldenData.text("admin/consumerStatus.file")
        let servers = Self.servers([("192.0.2.2@golden_consumer", try RunningInfoRecording.info(recorded))])
        let (_, files) = try await Self.run(["consumerStatus", "-g", "golden_consumer"], servers)
        #expect(Sections(try #require(files["192.0.2.2@golden_consumer"])) == Sections(recorded))
    }

    @Test func aMemberThatIsSilentDoesNotHideTheOthers() async throws {
        let all = Self.servers([("a", Self.pushing()), ("b", Self.pushing())])
        let servers = Servers { command, address in
            command.fields?["clientId"] == "a" ? .response(.consumeMsgTimeout, remark: "silent") : all.answer(command, address)
        }
        let (run, files) = try await Self.run(["consumerStatus", "-g", "g"], servers)
        #expect(run.errors.contains("CODE: 207  DESC: silent"))
        #expect(run.output.contains("\n1          b   "))
        #expect(Array(files.keys) == ["b"])
    }

    /// A client may call itself whatever it likes.
    @Test func noFileIsWrittenOutsideTheFolder() async throws {
        func name(_ client: String, _ number: Int = 0) -> String { ConsumerStatusCommand.fileName(of: client, number: number) }
        #expect(name("../../x\n") == "..%2F..%2Fx%0A")
        #expect(name("..") == "%2E%2E" && name(".") == "%2E" && name("") == "%")
        let long = String(repeating: "é", count: 300)
        #expect(name(long).utf8.count <= 255 && name(long, 1) != name(long, 2))
        let (run, files) = try await Self.run(["consumerStatus", "-g", "g"], Self.servers([("../../evil", Self.pushing())]))
        #expect(Array(files.keys) == ["..%2F..%2Fevil"] && run.errors.isEmpty)
    }

    @Test func clientsWhoseNamesLookAlikeHaveFilesOfTheirOwn() async throws {
        let servers = Self.servers([("a/b", Self.pushing("TagA")), ("a_b", Self.pushing("TagB")), ("a%2Fb", Self.pushing("TagC"))])
        let (run, files) = try await Self.run(["consumerStatus", "-g", "g"], servers)
        #expect(files.count == 3 && run.errors.isEmpty)
        #expect(files["a%2Fb"]?.contains("SubExpression: TagA") == true)
        #expect(files["a_b"]?.contains("SubExpression: TagB") == true)
    }

    @Test func allMembersAsJSONWriteNoFile() async throws {
        let servers = Self.servers([("b", Self.pushing()), ("a", Self.pushing("TagA"))])
        let (run, files) = try await Self.run(["consumerStatus", "-g", "g", "--json"], servers)
        let json = try JSONValue(parsing: run.output)
        #expect(files.isEmpty)
        #expect(json["clients"]?.asArray?.map { $0["clientId"] } == ["b", "a"])
        #expect(json["sameSubscription"] == false)
        #expect(json["problems"]?.asArray?.isEmpty == true)
    }

    // MARK: What is wrong

    private static func problem(inOrder: Bool = false, _ fill: (inout ConsumerRunningInfo.Queue) -> Void) -> [String] {
        var info = pushing()
        info.properties["PROP_CONSUMEORDERLY"] = "\(inOrder)"
        var state = ConsumerRunningInfo.Queue()
        fill(&state)
        info.queues = [MessageQueue(topic: "T", brokerName: "b", queueId: 1): state]
        return RunningInfo.problems(of: "c", info, now: now)
    }

    @Test func queuesInWhichNothingMovesAreNamed() {
        let queue = "c MessageQueue [topic=T, brokerName=b, queueId=1]"
        let stuck = Self.problem {
            $0.cachedCount = 1
            $0.lastConsumeTime = Self.now - 60_001
        }
        #expect(stuck == ["\(queue) can't consume for a while, maybe blocked, 60001ms"])
        #expect(Self.problem { $0.lastConsumeTime = 0 }.isEmpty, "nothing waits to be consumed")
        #expect(Self.problem(inOrder: true) { $0.lastLockTime = Self.now - 5 } == ["\(queue) can't lock for a while, 5ms"])
        let kept = Self.problem(inOrder: true) {
            $0.isLocked = true
            $0.isDropped = true
            $0.unlockTries = 3
        }
        #expect(kept == ["\(queue) unlock 3 times, still failed"])
        #expect(Self.problem(inOrder: true) { $0.isLocked = true }.isEmpty)
    }

    @Test func subscriptionsAreComparedOnceTheyHadTimeToSpread() {
        let old = Self.now - 120_001
        func alike(_ infos: ConsumerRunningInfo...) -> Bool {
            RunningInfo.subscribesAlike(Dictionary(uniqueKeysWithValues: infos.enumerated().map { (ByteText("\($0.offset)"), $0.element) }), now: Self.now)
        }
        #expect(alike(Self.pushing("A", started: old), Self.pushing("A", started: old)))
        #expect(!alike(Self.pushing("A", started: old), Self.pushing("B", started: old)))
        #expect(alike(Self.pushing("A", started: old + 1), Self.pushing("B", started: old)))
        var nothing = Self.pushing(started: old)
        nothing.subscriptions = []
        #expect(!alike(nothing), "a member that subscribes to nothing")
        #expect(alike(ConsumerRunningInfo(), Self.pushing("B")), "who does not say what it is, is no push consumer")
    }
}

/// Reads the running information that the reference printed.
enum RunningInfoRecording {
    static func info(_ text: String) throws -> ConsumerRunningInfo {
        var info = ConsumerRunningInfo()
        let stacks = text.firstRange(of: "#Consumer jstack#\n")
        info.stacks = stacks.map { String(text[$0.upperBound...]) }
        var section = ""
        for line in text[..<(stacks?.lowerBound ?? text.endIndex)].split(separator: "\n").map(String.init) {
            if line.hasPrefix("#Consumer ") {
                section = line
            } else if !line.hasPrefix("#") {
                try take(line, of: section, into: &info)
            }
        }
        return info
    }

    private static func take(_ line: String, of section: String, into info: inout ConsumerRunningInfo) throws {
        let words = line.split(separator: " ").map(String.init)
        switch section {
        case "#Consumer Properties#":
            info.properties[words[0]] = String(line.dropFirst(42))
        case "#Consumer Subscription#":
            let expression = try #require(line.firstRange(of: "SubExpression: "))
            info.subscriptions.append(SubscriptionData {
                $0.topic = words[2]
                $0.isClassFilter = words[4] == "true"
                $0.expression = String(line[expression.upperBound...])
            })
        case "#Consumer MQ Detail#":
            let queue = MessageQueue(topic: words[0], brokerName: words[1], queueId: try #require(Int32(words[2])))
            info.queues[queue] = try state(line)
        case "#Consumer RT&TPS#":
            let numbers = try words.dropFirst().map { try #require(Double($0)) }
            info.status[words[0]] = ConsumerRunningInfo.Status {
                $0.pullTime = numbers[0]
                $0.pulledPerSecond = numbers[1]
                $0.consumeTime = numbers[2]
                $0.consumedPerSecond = numbers[3]
                $0.failedPerSecond = numbers[4]
                $0.failedInHour = Int64(numbers[5])
            }
        default: break   // the offsets stand in the details once more
        }
    }

    private static func state(_ line: String) throws -> ConsumerRunningInfo.Queue {
        var values: [String: String] = [:]
        for part in line.split(whereSeparator: { "[],".contains($0) }) {
            let pair = part.split(separator: "=").map { $0.drop { $0 == " " } }
            if pair.count == 2 { values[String(pair[0])] = String(pair[1]) }
        }
        func number(_ name: String) throws -> Int64 { try #require(values[name].flatMap { Int64($0) }) }
        var state = ConsumerRunningInfo.Queue()
        state.commitOffset = try number("commitOffset")
        state.cachedMinOffset = try number("cachedMsgMinOffset")
        state.cachedMaxOffset = try number("cachedMsgMaxOffset")
        state.cachedCount = try number("cachedMsgCount")
        state.cachedMebibytes = try number("cachedMsgSizeInMiB")
        state.takenMinOffset = try number("transactionMsgMinOffset")
        state.takenMaxOffset = try number("transactionMsgMaxOffset")
        state.takenCount = try number("transactionMsgCount")
        state.isLocked = values["locked"] == "true"
        state.unlockTries = try number("tryUnlockTimes")
        state.lastLockTime = try time(try #require(values["lastLockTimestamp"]))
        state.isDropped = values["droped"] == "true"
        state.lastPullTime = try time(try #require(values["lastPullTimestamp"]))
        state.lastConsumeTime = try time(try #require(values["lastConsumeTimestamp"]))
        return state
    }

    /// Milliseconds since 1970 of `20261121043851963`.
    private static func time(_ text: String) throws -> Int64 {
        var fields: [String] = [], rest = Substring(text)
        for length in [4, 2, 2, 2, 2, 2, 3] {
            fields.append(String(rest.prefix(length)))
            rest = rest.dropFirst(length)
        }
        return try #require(LocalTime.utc.parse("\(fields[0..<3].joined(separator: "-"))#\(fields[3...].joined(separator: ":"))"))
    }
}
