import RMQCommon
import RMQRemoting
import Synchronization

/// What this broker has told one name server, and has still to tell it.
///
/// At most one registration is under way; what changes meanwhile goes with the next one. So an older table never overtakes
/// a newer one, a thousand new topics cost a few registrations, of which each tells the new ones alone, and a name server that hangs
/// holds up none of the others. After a failure or a lost connection the next attempt comes after 1 s, 2 s, 4 s … 30 s.
final class NameServerLink: Sendable {
    /// One registration.
    struct RegistrationRequest {
        let command: RemotingCommand
        let version: DataVersion
        /// It names some topics: what else the version stands for the name server may not know.
        let isPartial: Bool
    }

    enum Content {
        case allTopics
        /// All, unless the name server knows them in the version that they have.
        case allTopicsIfNews
        /// Topics that were just put into the table, which then had this version.
        case topics([TopicConfig], version: DataVersion)

        /// More topics than that are told with all others: beyond it the whole table costs little more.
        private static let mostTopics = 1_000

        /// What tells this and `next`, which was asked for later.
        fileprivate func followed(by next: Content) -> Content {
            guard case .topics(let first, let firstVersion) = self, case .topics(let others, let nextVersion) = next,
                first.count + others.count <= Self.mostTopics
            else { return .allTopics }
            // Two loops that make a topic each may come here in the other order.
            return .topics(first + others, version: firstVersion.counter > nextVersion.counter ? firstVersion : nextVersion)
        }
    }

    typealias Completion = @Sendable (_ isAccepted: Bool) -> Void

    private struct State {
        var isUnderWay = false
        var isStopped = false
        /// The name server took the last registration, and the connection is the same.
        var isUpToDate = false
        /// What is told after the registration that is under way; who waits for it.
        var following: Content?
        var waiting: [Completion] = []
        /// The version of the last registration that was accepted, if that was a partial one.
        var partialVersion: DataVersion?
        var failures = 0
        var retryIsScheduled = false
    }

    let address: String
    private let client: RemotingClient
    private let account: BrokerAccount
    private let logger: Logger
    private let timeout: @Sendable () -> Duration
    /// A name server takes no topics of a version that it has: after a partial registration of `partialVersion` all topics
    /// need another one.
    private let makeRegistration: @Sendable (Content, _ partialVersion: DataVersion?) -> RegistrationRequest?
    /// What asks a name server for the version that it knows; the one that it should know is its body.
    private let makeQuery: @Sendable () -> (command: RemotingCommand, version: DataVersion)?
    private let accepted: @Sendable (NameServerLink, RemotingCommand) -> Void
    /// Held while a command is handed to the client, so that none follows the one that takes the broker off. The client's
    /// locks are taken under it.
    private let state = Mutex(State())

    init(
        address: String, client: RemotingClient, account: BrokerAccount, logger: Logger, timeout: @escaping @Sendable () -> Duration,
        accepted: @escaping @Sendable (NameServerLink, RemotingCommand) -> Void,
        makeQuery: @escaping @Sendable () -> (command: RemotingCommand, version: DataVersion)?,
        makeRegistration: @escaping @Sendable (Content, _ partialVersion: DataVersion?) -> RegistrationRequest?
    ) {
        self.address = address
        self.client = client
        self.account = account
        self.logger = logger
        self.timeout = timeout
        self.accepted = accepted
        self.makeQuery = makeQuery
        self.makeRegistration = makeRegistration
    }

    var isUpToDate: Bool { state.withLock { $0.isUpToDate } }

    /// Registers; returns at once. Topics alone go only to a name server that knows all others.
    func register(_ content: Content, completion: @escaping Completion = { _ in }) {
        enum Next { case refuse, wait, send(Content) }
        let next = state.withLock { state -> Next in
            if state.isStopped { return .refuse }
            if state.isUnderWay {
                // Whoever has news says so; this is only asked now and then.
                if case .allTopicsIfNews = content { return .refuse }
                state.following = state.following?.followed(by: content) ?? content
                state.waiting.append(completion)
                return .wait
            }
            state.isUnderWay = true
            // A version that was told with one topic alone says nothing of the others.
            if case .allTopicsIfNews = content { return .send(state.partialVersion == nil ? content : .allTopics) }
            return .send(state.isUpToDate ? content : .allTopics)
        }
        switch next {
        case .refuse: completion(false)
        case .wait: break
        case .send(.allTopicsIfNews): ask([completion])
        case .send(let content): start(content, [completion])
        }
    }

    /// The connection closed, on which a name server forgets a broker.
    func connectionLost() {
        let isNews = state.withLock { state in
            defer { state.isUpToDate = false }
            return state.isUpToDate
        }
        if isNews { retryLater() }
    }

    /// Sends `command` as the last one.
    func stop(with command: RemotingCommand, timeout: Duration, completion: @escaping @Sendable () -> Void) {
        state.withLock { state in
            state.isStopped = true
            client.send(command, to: address, timeout: timeout) { [address, logger] result in
                if case .failure(let error) = result { logger.warning("name server \(address): \(error)") }
                completion()
            }
        }
    }

    // MARK: One registration

    /// Asks what the name server knows; all but "this very version" is followed by a registration. The question alone keeps a broker
    /// alive at a name server.
    private func ask(_ completions: [Completion]) {
        Task.detached(priority: .utility) { [self] in
            let query = makeQuery()
            let isSent = state.withLock { state in
                guard let query, !state.isStopped else { return false }
                client.send(query.command, to: address, timeout: timeout()) { [self] result in
                    guard (try? knows(query.version, result.get())) == true else { return start(.allTopics, completions) }
                    self.state.withLock { state in
                        state.isUpToDate = true
                        state.failures = 0
                    }
                    next(isAccepted: true, completions)
                }
                return true
            }
            if !isSent { next(isAccepted: false, completions) }
        }
    }

    private func knows(_ version: DataVersion, _ response: RemotingCommand) throws -> Bool {
        guard response.responseCode == .success else { return false }
        return try !response.header(QueryDataVersionResponseHeader.self).isChanged && DataVersion(body: response.body) == version
    }

    /// Elsewhere than on a loop: a table of thousands of topics takes milliseconds to encode.
    private func start(_ content: Content, _ completions: [Completion]) {
        Task.detached(priority: .utility) { [self] in
            let registration = makeRegistration(content, state.withLock { $0.partialVersion })
            let isSent = state.withLock { state in
                guard let registration, !state.isStopped else { return false }
                client.send(registration.command, to: address, timeout: timeout()) { [self] result in
                    ended(registration, result, completions)
                }
                return true
            }
            if !isSent { next(isAccepted: false, completions) }
        }
    }

    private func ended(_ registration: RegistrationRequest, _ result: Result<RemotingCommand, RemotingError>, _ completions: [Completion]) {
        switch result {
        case .success(let response) where response.responseCode == .success:
            state.withLock { state in
                state.isUpToDate = true
                state.failures = 0
                state.partialVersion = registration.isPartial ? registration.version : nil
            }
            accepted(self, response)
            return next(isAccepted: true, completions)
        case .success(let response):
            let remark = response.remark ?? ""
            // The class by which the reference's access control is known, and ours.
            let advice = remark.containsBytes(of: "AclException") ? "; \(account.advice)" : ""
            logger.warning("name server \(address) refused the registration: \(response.responseCode) \(remark)\(advice)")
        case .failure(let error):
            logger.warning("name server \(address): \(error)")
        }
        state.withLock { $0.isUpToDate = false }
        retryLater()
        next(isAccepted: false, completions)
    }

    private func next(isAccepted: Bool, _ completions: [Completion]) {
        let (content, waiting, isStopped) = state.withLock { state -> (Content?, [Completion], Bool) in
            let content = state.following.map { state.isUpToDate ? $0 : .allTopics }
            if content == nil { state.isUnderWay = false }
            defer { (state.following, state.waiting) = (nil, []) }
            return (content, state.waiting, state.isStopped)
        }
        for completion in completions { completion(isAccepted) }
        guard let content else { return }
        if isStopped {
            for completion in waiting { completion(false) }
        } else {
            start(content, waiting)
        }
    }

    private func retryLater() {
        let delay = state.withLock { state -> Duration? in
            guard !state.isStopped, !state.retryIsScheduled else { return nil }
            state.retryIsScheduled = true
            state.failures += 1
            return .seconds(min(1 << min(state.failures - 1, 5), 30))
        }
        guard let delay else { return }
        Task.detached(priority: .utility) { [weak self] in
            try? await Task.sleep(for: delay)
            guard let self else { return }
            let isNeeded = state.withLock { state in
                state.retryIsScheduled = false
                return !state.isUpToDate
            }
            if isNeeded { register(.allTopics) }
        }
    }
}
