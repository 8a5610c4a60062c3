public import RMQCommon
public import RMQRemoting

/// The one error type of this package: what went wrong by name, in words, and as the server put it.
///
/// ```swift
/// do {
///     try await producer.send(message)
/// } catch where error.isTransient {
///     // a broker is down or busy: the same send may succeed in a moment
/// } catch {
///     print(error)            // names the topic, the broker and every try
/// }
/// ```
///
/// `code` is an open set: a new code never breaks a `switch` of an application.
public struct ClientError: Error, Sendable, CustomStringConvertible {
    /// What went wrong, by name.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        @ByteText public private(set) var description: String
        init(_ description: String) { self.description = description }

        /// No name server address is configured.
        public static let noNameServer = Code("noNameServer")
        /// The name servers do not know the topic, or none of its queues takes messages.
        public static let routeNotFound = Code("routeNotFound")
        /// The route names no broker that could be asked: it is down or not registered.
        public static let brokerNotFound = Code("brokerNotFound")
        /// A server could not be reached; nothing was asked.
        public static let connectionFailed = Code("connectionFailed")
        /// The connection to a server was lost before it answered. What was asked may have been done all the same.
        public static let connectionLost = Code("connectionLost")
        /// An address is not `host:port`, or its host has no address.
        public static let invalidAddress = Code("invalidAddress")
        /// A server did not answer in time. What was asked may have been done all the same.
        public static let timedOut = Code("timedOut")
        /// More waits to be written to a server than the client keeps; send less at once.
        public static let overloaded = Code("overloaded")
        /// A server answered with an error; see `responseCode` and `remark`.
        public static let refused = Code("refused")
        /// A server answered something that cannot be read.
        public static let malformedAnswer = Code("malformedAnswer")
        /// A message breaks a rule, such as the one about its size; nothing was sent.
        public static let invalidMessage = Code("invalidMessage")
        /// The name of a topic or group, or an id, breaks the rules for it.
        public static let invalidName = Code("invalidName")
        /// A property of a message has a name that only the system may use.
        public static let reservedProperty = Code("reservedProperty")
        /// The topic belongs to the system; applications must not send to it.
        public static let forbiddenTopic = Code("forbiddenTopic")
        /// A setting is outside of what is allowed.
        public static let invalidConfiguration = Code("invalidConfiguration")
        /// The client has a producer, or a consumer, of this group already.
        public static let groupAlreadyRegistered = Code("groupAlreadyRegistered")
        /// An interceptor of the application threw, or ended a send without a result.
        public static let refusedByInterceptor = Code("refusedByInterceptor")
        /// Nobody replied to a request in time. It may have been handled all the same.
        public static let requestTimedOut = Code("requestTimedOut")
        /// The message is no request, so that it cannot be replied to.
        public static let notARequest = Code("notARequest")
        /// The offsets of a broadcasting consumer and their backup are there but cannot be read.
        public static let offsetFileUnreadable = Code("offsetFileUnreadable")
        /// `run` was called on a consumer that runs.
        public static let alreadyRunning = Code("alreadyRunning")
        /// The client, or the consumer, was closed.
        public static let closed = Code("closed")
        /// The task was cancelled while it waited. What was asked may have been done all the same.
        public static let cancelled = Code("cancelled")
    }

    /// One try to reach a broker.
    public struct Attempt: Sendable, CustomStringConvertible {
        /// The broker set that was tried.
        public let brokerName: String
        /// Its master, `host:port`; in words that there was none.
        public let address: String
        /// From the start of the try to its failure.
        public let elapsed: Duration
        /// What went wrong, in words.
        public let reason: String

        public var description: String { "\(brokerName) (\(address)) after \(elapsed): \(reason)" }
    }

    /// Whom a failure is about, with its `host:port`.
    public enum Server: Sendable {
        case broker(String)
        case nameServer(String)
        /// All of these name servers were asked and none answered.
        case nameServers([String])
    }

    /// What went wrong, by name: what a program decides by.
    public let code: Code
    /// What went wrong, in words: what a person reads.
    public let message: String
    /// Set when a server refused: the code it answered with.
    public let responseCode: ResponseCode?
    /// Set when a server refused: the text it answered with.
    public let remark: String?
    /// Set when one server, or every name server, is the cause: it refused, was not reached or sent something unreadable.
    public internal(set) var server: Server?
    /// Set when a server did not answer in time: how long it had.
    public internal(set) var timeout: Duration?
    /// Set when only some messages of a ``Producer/send(contentsOf:timeout:)`` were stored: what became of each, in the order in which
    /// they were given. Nil for those that were not stored, as far as is known.
    public internal(set) var partialResults: [SendResult?] = []
    /// Every failed try of a send, in order.
    public internal(set) var attempts: [Attempt] = []

    init(_ code: Code, _ message: String, responseCode: ResponseCode? = nil, remark: String? = nil, server: Server? = nil) {
        self.code = code
        self.message = message
        self.responseCode = responseCode
        self.remark = remark
        self.server = server
    }

    /// Whether the same call may succeed later without a change of what was asked.
    public var isTransient: Bool {
        switch code {
        case .connectionFailed, .connectionLost, .invalidAddress, .timedOut, .requestTimedOut, .overloaded, .brokerNotFound: true
        case .refused: responseCode == .systemBusy || responseCode == .serviceNotAvailable || responseCode == .flowControl
        default: false
        }
    }

    /// Whether a server was out of reach: another one may answer, and the route may have changed.
    var isConnectionFailure: Bool { code == .connectionFailed || code == .connectionLost || code == .invalidAddress }

    public var description: String {
        var text = "\(code): \(message)"
        if !attempts.isEmpty { text += " [" + attempts.map(\.description).joined(separator: "; ") + "]" }
        return text
    }
}

extension ClientError {
    /// What the network layer reports about a request to a broker.
    init(_ error: RemotingError) {
        let code: Code
        var server: Server?
        var timeout: Duration?
        switch error {
        case .connectFailed(let address, _): (code, server) = (.connectionFailed, .broker(address))
        case .connectionClosed(let address): (code, server) = (.connectionLost, .broker(address))
        case .badAddress(let address, _): (code, server) = (.invalidAddress, .broker(address))
        case .listenFailed, .addressInUse: code = .connectionFailed
        case .timedOut(let address, _, let limit): (code, server, timeout) = (.timedOut, .broker(address), limit)
        case .overloaded(let address, _): (code, server) = (.overloaded, .broker(address))
        case .frameTooLarge: code = .invalidMessage
        case .cancelled: code = .cancelled
        case .closed:
            self = .closedClient
            return
        }
        self.init(code, "\(error)", server: server)
        self.timeout = timeout
    }

    /// A broker's refusal of `request`.
    static func refused(_ response: RemotingCommand, by address: String, asked request: String) -> ClientError {
        let remark = response.remark ?? ""
        return ClientError(
            .refused, "\(address) refused \(request): \(response.responseCode)\(remark.isEmpty ? "" : ", " + remark)",
            responseCode: response.responseCode, remark: response.remark, server: .broker(address))
    }

    /// - Parameter server: nil for the broker at `address`.
    static func malformed(_ what: String, from address: String, server: Server? = nil, _ cause: some Error) -> ClientError {
        ClientError(.malformedAnswer, "\(what) from \(address): \(cause)", server: server ?? .broker(address))
    }

    static func routeNotFound(_ topic: String, _ refusal: ClientError) -> ClientError {
        ClientError(
            .routeNotFound,
            "no name server knows topic \(topic); create it (mqadmin updateTopic), or let a broker with autoCreateTopicEnable=true create it on the first send",
            responseCode: refusal.responseCode, remark: refusal.remark, server: refusal.server)
    }

    static let noNameServer = ClientError(.noNameServer, "no name server address is known")

    /// - Parameter failures: one per name server.
    static func noNameServerAnswered(_ failures: [ClientError], asked addresses: [String]) -> ClientError {
        let reasons = failures.map(\.message).joined(separator: "; ")
        return ClientError(
            failures.last?.code ?? .connectionFailed, "no name server answered: \(reasons)",
            server: .nameServers(addresses))
    }

    static let closedClient = ClientError(.closed, "the client has been shut down")
}
