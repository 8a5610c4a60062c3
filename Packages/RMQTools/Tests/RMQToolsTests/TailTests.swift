import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Synchronization
import Testing

/// `tail`, against brokers that get messages between two rounds.
@Suite(.takesTurns) struct TailTests {
    /// The queues of both brokers, to which a test appends.
    private final class Topic: Sendable {
        private struct State {
            var messages: [StoredMessage] = []
            var deadBrokers: Set<String> = []
            var brokenOffsets: Set<Int64> = []
            var queueCount: Int32 = 1
        }

        private let state = Mutex(State())

        func append(_ text: String, to broker: String = "golden-a", queue: Int32 = 0, at time: Int64, tags: String? = nil, keys: String? = nil) {
            state.withLock { state in
                var properties: [(String, String)] = []
                if let tags { properties.append((PropertyName.tags, tags)) }
                if let keys { properties.append((PropertyName.keys, keys)) }
                let offset = Int64(state.messages.count { $0.brokerName == broker && $0.queueId == queue })
                state.messages.append(StoredMessage(
                    topic: "Orders", body: Array(text.utf8), properties: MessageProperties(properties), brokerName: broker, queueId: queue,
                    queueOffset: offset, bornHost: HostAddress(ipv4: (127, 0, 0, 1), port: 1), storeTimestamp: time,
                    storeHost: HostAddress(ipv4: (127, 0, 0, 1), port: 2)))
            }
        }

        func stop(_ broker: String) { state.withLock { _ = $0.deadBrokers.insert(broker) } }
        func start(_ broker: String) { state.withLock { _ = $0.deadBrokers.remove(broker) } }
        func corrupt(_ offset: Int64) { state.withLock { _ = $0.brokenOffsets.insert(offset) } }
        func grow(to queues: Int32) { state.withLock { $0.queueCount = queues } }

        var servers: Servers {
            Servers { command, address in self.state.withLock { Self.answer(command, address, $0) } }
        }

        private static func answer(_ command: RemotingCommand, _ address: String, _ state: State) -> RemotingCommand? {
            let broker = Golden.masters.first { $0.value == address }?.key ?? ""
            guard !state.deadBrokers.contains(broker) else { return nil }
            let queue = state.messages.filter { $0.brokerName == broker && "\($0.queueId)" == command.fields?["queueId"] }
            switch command.requestCode {
            case .getRouteinfoByTopic where command.fields?["topic"] == "Orders":
                return .response(.success, body: Golden.route(queues: state.queueCount).body)
            case .getMaxOffset: return .response(.success, header: OffsetResponseHeader(offset: Int64(queue.count)))
            case .searchOffsetByTimestamp:
                let time = command.fields?["timestamp"].flatMap { Int64($0) } ?? 0
                let place = queue.firstIndex { $0.storeTimestamp >= time } ?? max(0, queue.count - 1)
                return .response(.success, header: OffsetResponseHeader(offset: Int64(place)))
            case .pullMessage: return pull(command, queue, state.brokenOffsets)
            default: return Golden.answer(command, address)
            }
        }

        private static func pull(_ command: RemotingCommand, _ queue: [StoredMessage], _ broken: Set<Int64>) -> RemotingCommand {
            guard let header = try? command.header(PullMessageHeader.self) else { return .response(.systemError) }
            let seen = queue.dropFirst(Int(header.queueOffset)).prefix(Int(header.maxMessages))
            let tags = Set((command.fields?["subscription"] ?? "*").split(separator: "|").map { String($0.filter { $0 != " " }) })
            let found = seen.filter { tags == ["*"] || tags.contains($0.tags ?? "") }
            let answer = PullMessageResponseHeader {
                $0.suggestedBrokerId = 0
                $0.nextBeginOffset = header.queueOffset + Int64(seen.count)
                $0.minOffset = 0
                $0.maxOffset = Int64(queue.count)
            }
            let code: ResponseCode = seen.isEmpty ? .pullNotFound : found.isEmpty ? .pullRetryImmediately : .success
            let records = found.flatMap { message in
                // What cannot be read is a record that ends too early.
                broken.contains(message.queueOffset) ? [UInt8](repeating: 0xFF, count: 8) : MessageRecord.encode(message)
            }
            return .response(code, header: answer, body: records)
        }
    }

    /// What happens while the command waits, one step at a time; behind the last it is stopped.
    private final class Script: Sendable {
        private struct Stop: Error {}
        private let left: Mutex<[@Sendable () -> Void]>

        init(_ steps: [@Sendable () -> Void]) { left = Mutex(steps) }

        func goOn() throws {
            let next: (@Sendable () -> Void)? = left.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            guard let next else { throw Stop() }
            next()
        }
    }

    private final class Clock: Sendable {
        private let time = Mutex<Int64>(1_795_236_128_000)
        var now: Int64 { time.withLock { $0 } }
        func advance(by milliseconds: Int64) { time.withLock { $0 += milliseconds } }
    }

    /// Runs `tail` and does something each time it waits, until there is nothing left to do.
    /// - Parameter step: milliseconds that pass each time.
    private static func tail(
        _ words: [String], _ topic: Topic, width: Int? = nil, servers: Servers? = nil, step: Int64 = 5_000, rounds: [@Sendable () -> Void]
    ) async throws -> Run {
        let script = Script(rounds), clock = Clock()
        let pause: @Sendable (Duration) async throws -> Void = { _ in
            clock.advance(by: step)
            try script.goOn()
        }
        return try await Run(["tail"] + words, servers: servers ?? topic.servers, width: width, pause: pause, now: { clock.now })
    }

    @Test func newMessagesOfAllQueuesComeInTheOrderOfTheirTimes() async throws {
        let topic = Topic()
        topic.append("old", at: 1_000)
        let run = try await Self.tail(["Orders", "-l", "0"], topic, rounds: [
            {
                topic.append("second", to: "golden-a", at: 1_795_235_931_482, tags: "TagA", keys: "k1 k2")
                topic.append("first", to: "golden-b", at: 1_795_235_931_400)
            },
            {},
            { topic.append("third", to: "golden-b", at: 1_795_235_931_500, tags: "TagB") },
        ])
        #expect(run.output == """
            2026-11-21 04:38:51,400 golden-b/0                 0  -           -                 first
            2026-11-21 04:38:51,482 golden-a/0                 1  TagA        k1,k2             second
            2026-11-21 04:38:51,500 golden-b/0                 1  TagB        -                 third

            """)
        #expect(run.errors.isEmpty)
        #expect(run.exitCode == 0)
    }

    @Test func beginsWithTheLatestMessages() async throws {
        let topic = Topic()
        for number in 0..<50 { topic.append("m\(number)", to: number % 2 == 0 ? "golden-a" : "golden-b", at: 1_000 + Int64(number)) }
        let words = { (run: Run) in run.output.split(separator: "\n").compactMap { $0.split(separator: " ").last.map(String.init) } }
        #expect(words(try await Self.tail(["Orders"], topic, rounds: [])) == (40..<50).map { "m\($0)" })
        #expect(words(try await Self.tail(["-t", "Orders", "-l", "3"], topic, rounds: [])) == ["m47", "m48", "m49"])
        #expect(words(try await Self.tail(["Orders", "-l", "1000"], topic, rounds: [])).count == 50)
    }

    @Test func onlyMessagesWithTheseTags() async throws {
        let topic = Topic()
        for (number, tag) in ["TagA", "TagB", "TagC", nil].enumerated() { topic.append("m\(number)", at: Int64(number), tags: tag) }
        let run = try await Self.tail(["Orders", "-s", "TagA || TagC"], topic, rounds: [{ topic.append("m4", at: 4, tags: "TagC") }])
        #expect(run.output.split(separator: "\n").map { $0.suffix(2) } == ["m0", "m2", "m4"])
    }

    @Test func linesFitTheTerminalUnlessFull() async throws {
        let topic = Topic()
        topic.append(String(repeating: "x", count: 500), at: 1)
        topic.append("short", at: 2)
        let cut = try await Self.tail(["Orders"], topic, width: 100, rounds: [])
        #expect(cut.output.split(separator: "\n").map(\.count) == [100, 89])
        #expect(cut.output.split(separator: "\n")[0].hasSuffix("x…"))
        let full = try await Self.tail(["Orders", "--full"], topic, width: 100, rounds: [])
        #expect(full.output.split(separator: "\n")[0].hasSuffix(String(repeating: "x", count: 500)))
        let piped = try await Self.tail(["Orders"], topic, rounds: [])
        #expect(piped.output == full.output)
    }

    /// What a stranger sent must not move the cursor of whoever looks at it.
    @Test func bodyStaysOnItsLine() async throws {
        let topic = Topic()
        topic.append("a\nb\t\u{1B}[2Jc\u{202E}é", at: 1, tags: "T\u{7}")
        let run = try await Self.tail(["Orders"], topic, rounds: [])
        #expect(run.output.split(separator: "\n").count == 1)
        #expect(run.output.hasSuffix("a\\nb\\t\\u{1B}[2Jc\\u{202E}é\n"))
        #expect(run.output.contains("T\\u{7}"))
        #expect(TerminalText.escaped("a\\n\n") == "a\\\\n\\n", "a backslash that was sent is told from one that stands for a line feed")
    }

    @Test func oneObjectALine() async throws {
        let topic = Topic()
        topic.append("one", at: 1_000, tags: "TagA")
        let run = try await Self.tail(["Orders", "--json"], topic, rounds: [{ topic.append("two", to: "golden-b", at: 2_000) }])
        let lines = try run.output.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
        #expect(lines.map { $0["body"]?.asString } == ["one", "two"])
        #expect(lines.map { $0["brokerName"]?.asString } == ["golden-a", "golden-b"])
        #expect(lines.map { $0["storeTimestamp"]?.asInt64 } == [1_000, 2_000])
        #expect(lines[1]["tags"] == nil)
    }

    @Test func deadBrokerIsToldOnceAndFollowsWhenItIsBack() async throws {
        let topic = Topic()
        let run = try await Self.tail(["Orders"], topic, rounds: [
            { topic.stop("golden-a") },
            { topic.append("missed", to: "golden-a", at: 1_000) },
            { topic.append("other", to: "golden-b", at: 2_000) },
            { topic.start("golden-a") },
            {},
        ])
        #expect(run.errors == "connect to 127.0.0.1:30911 failed\n")
        #expect(run.output.split(separator: "\n").map { $0.split(separator: " ").last } == ["other", "missed"])
    }

    @Test func brokerThatIsDeadAtTheBeginningIsReadFromThenOn() async throws {
        let topic = Topic()
        topic.append("before", to: "golden-a", at: 1_000)
        topic.stop("golden-a")
        let run = try await Self.tail(["Orders"], topic, rounds: [
            { topic.append("after", to: "golden-a", at: 1_795_236_128_001) },
            { topic.start("golden-a") },
        ])
        #expect(run.errors == "connect to 127.0.0.1:30911 failed\n")
        #expect(run.output.split(separator: "\n").map { $0.split(separator: " ").last } == ["after"])
    }

    /// A question to a broker that answers nothing takes seconds, in which the others' messages wait.
    @Test func silentBrokerIsNotAskedInEveryRound() async throws {
        let topic = Topic()
        let servers = topic.servers
        let run = try await Self.tail(["Orders"], topic, servers: servers, step: 300, rounds: [
            { topic.stop("golden-a") }, {}, {}, {}, {}, { topic.append("other", to: "golden-b", at: 2_000) },
        ])
        #expect(run.output.split(separator: "\n").count == 1)
        let asked = servers.addresses(asked: .pullMessage)
        #expect(asked.count { $0 == "127.0.0.1:30911" } == 2, "once well, once in vain")
        #expect(asked.count { $0 == "127.0.0.1:31911" } == 8)
    }

    @Test func largeMessagesToBeginWithDoNotFillTheMemory() {
        func message(_ number: Int64, _ size: Int) -> StoredMessage {
            StoredMessage(
                topic: "Orders", body: [UInt8](repeating: 0, count: size), brokerName: "golden-a", queueId: 0, queueOffset: number,
                bornHost: HostAddress(ipv4: (127, 0, 0, 1), port: 1), storeTimestamp: number, storeHost: HostAddress(ipv4: (127, 0, 0, 1), port: 2))
        }
        var large = LatestMessages(count: 100, bytes: 10_000)
        for number in 0..<50 { large.add([message(Int64(number), 2_000)]) }
        #expect(large.take().map(\.queueOffset) == [47, 48, 49] && large.isCut)
        var small = LatestMessages(count: 3, bytes: 10_000)
        for number in [5, 1, 4, 2, 3] { small.add([message(Int64(number), 1)]) }
        #expect(small.take().map(\.queueOffset) == [3, 4, 5] && !small.isCut)
    }

    @Test func noBrokerAtAllIsAFailure() async throws {
        let topic = Topic()
        topic.stop("golden-a")
        topic.stop("golden-b")
        let run = try await Self.tail(["Orders", "--exit-code"], topic, rounds: [])
        #expect(run.errors.contains("TailCommand command failed\nCaused by: connect to 127.0.0.1:30911 failed\n"))
        #expect(run.exitCode == 2)
    }

    @Test func unreadableMessageIsToldAndPassedOver() async throws {
        let topic = Topic()
        topic.corrupt(1)
        let run = try await Self.tail(["Orders"], topic, rounds: [
            { for number in 0..<3 { topic.append("m\(number)", at: Int64(number)) } }, {},
        ])
        #expect(run.output.split(separator: "\n").map { $0.suffix(2) } == ["m0", "m2"])
        #expect(run.errors.split(separator: "\n").count == 1)
        #expect(run.errors.contains("the answer cannot be read"))
    }

    @Test(arguments: [
        ([], "which topic? `mqadmin tail TOPIC`"), (["a", "b"], "one topic at a time, not a, b"),
        (["Orders", "-l", "-1"], "-l takes a whole number from 0 to 10000"), (["Orders", "-l", "x"], "-l takes a whole number"), (["NoSuchTopic"], "No topic route info in name server for the topic: NoSuchTopic"),
        (["Orders", "-s", "||"], "names no tag"), ([String(repeating: "é", count: 200) + "NoSuchTopic"], "No topic route info"),
    ] as [([String], String)])
    func wrongWordsAreTold(_ words: [String], _ text: String) async throws {
        let run = try await Self.tail(words, Topic(), rounds: [])
        #expect(run.errors.contains(text))
        #expect(run.output.isEmpty)
    }

    @Test func retryTopicAndGroupAreAskedForAsGiven() async throws {
        let topic = Topic()
        let servers = topic.servers
        _ = try await Self.tail(["Orders", "-g", "audit"], topic, servers: servers, rounds: [])
        #expect(servers.fields(asked: .pullMessage).allSatisfy { $0["consumerGroup"] == "audit" })
        #expect(!servers.fields(asked: .pullMessage).isEmpty)
    }

    @Test(arguments: [
        ("abc", 3, "abc"), ("abcd", 3, "ab…"), ("日本語", 6, "日本語"), ("日本語", 5, "日本…"), ("日本語", 4, "日…"),
        ("e\u{301}e\u{301}x", 2, "e\u{301}…"), ("abc", 0, ""),
    ])
    func textIsCutByColumns(_ text: String, _ columns: Int, _ cut: String) {
        #expect(TerminalText.cut(text, columns: columns) == cut)
    }
}
