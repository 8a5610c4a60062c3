import RMQClient
import RMQCommon

/// Asks the same of many, a few at a time.
enum Questions {
    /// How many are asked at once: one silent server does not hold up the others, and nobody is flooded.
    private static let atOnce = 8

    /// - Returns: the answers in the order of `subjects`.
    static func ask<Subject: Sendable, Answer: Sendable>(
        _ subjects: [Subject], _ question: @escaping @Sendable (Subject) async -> Answer
    ) async -> [Answer] {
        await withTaskGroup(of: (Int, Answer).self) { group in
            var answers = [Answer?](repeating: nil, count: subjects.count)
            for (index, subject) in subjects.enumerated() {
                if index >= atOnce, let (done, answer) = await group.next() { answers[done] = answer }
                group.addTask { (index, await question(subject)) }
            }
            while let (done, answer) = await group.next() { answers[done] = answer }
            return answers.compactMap { $0 }
        }
    }

    /// The answer or the failure, for where both are facts.
    static func outcome<Answer>(_ question: () async throws(ClientError) -> Answer) async -> Result<Answer, ClientError> {
        do throws(ClientError) { return .success(try await question()) } catch { return .failure(error) }
    }
}

/// What several brokers say of one thing. One that does not answer takes away its own part, and no more.
struct BrokerAnswers<Part: Sendable>: Sendable {
    var parts: [Part] = []
    var failures: [ClientError] = []
}

/// Asks every broker of a topic or of a group.
struct BrokerSurvey: Sendable {
    let admin: Admin
    /// Brokers that were not reached before, by address. They are not asked again: each question would cost the whole wait for an answer.
    private let unreachable: [ByteText: ClientError]

    /// - Parameter asked: how the brokers answered so far, by address.
    init(admin: Admin, asked: [(address: String, failure: ClientError?)]) {
        self.admin = admin
        unreachable = asked.reduce(into: [:]) { known, broker in
            if let failure = broker.failure, failure.isOutOfReach { known[broker.address] = failure }
        }
    }

    func topicStats(_ topic: String, _ route: TopicRouteData) async -> BrokerAnswers<TopicStatsTable> {
        await ask(route) { (address) throws(ClientError) in try await admin.topicStats(topic, at: address) }
    }

    /// - Parameter route: of the group's retry topic.
    func progress(of group: String, _ route: TopicRouteData) async -> BrokerAnswers<ConsumeStats> {
        await ask(route) { (address) throws(ClientError) in try await admin.consumeStats(group: group, at: address) }
    }

    /// Who is connected for a group.
    enum Members: Sendable {
        /// As the broker at `address` knows them, so that it can pass questions on to them.
        case connected([ClientConnection], address: String)
        /// Every broker says so.
        case nobody
        /// No broker knows a member, and not all of them answered.
        case unknown([ClientError])
    }

    /// - Parameter route: of the group's retry topic. Every member is connected to every broker, so the first that knows some is enough.
    func members(of group: String, _ route: TopicRouteData) async -> Members {
        let addresses = Self.addresses(route)
        var failures: [ClientError] = []
        for address in addresses {
            do throws(ClientError) {
                if let failure = unreachable[address] { throw failure }
                return .connected(try await admin.consumerConnection(group: group, at: address).connections, address: address)
            } catch where error.responseCode == .consumerNotOnline {
                continue
            } catch {
                failures.append(error)
            }
        }
        return failures.isEmpty && !addresses.isEmpty ? .nobody : .unknown(failures)
    }

    private func ask<Part>(
        _ route: TopicRouteData, _ question: (String) async throws(ClientError) -> Part
    ) async -> BrokerAnswers<Part> {
        var answers = BrokerAnswers<Part>()
        for address in Self.addresses(route) {
            do throws(ClientError) {
                if let failure = unreachable[address] { throw failure }
                answers.parts.append(try await question(address))
            } catch {
                answers.failures.append(error)
            }
        }
        return answers
    }

    private static func addresses(_ route: TopicRouteData) -> [String] {
        route.brokers.sorted { ByteText($0.brokerName) < ByteText($1.brokerName) }.compactMap(\.anyAddress)
    }
}

extension ClientError {
    /// Whether the server said nothing at all, so that it will hardly answer the next question.
    fileprivate var isOutOfReach: Bool {
        code == .connectionFailed || code == .connectionLost || code == .timedOut || code == .invalidAddress
    }
}

extension ClientConnection {
    /// Older ones do not understand what is asked.
    var canTellOfItself: Bool { ProtocolVersion(ordinal: version) >= .v3_1_8Snapshot }
}
