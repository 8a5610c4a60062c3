public import RMQRemoting

/// The one error type of this package.
///
/// `code` is an open set: a new code never breaks a `switch` of an application.
public struct ClientError: Error, Sendable, CustomStringConvertible {
    /// What went wrong, by name.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String
        init(_ description: String) { self.description = description }

        public static let noNameServer = Code("noNameServer")
        public static let routeNotFound = Code("routeNotFound")
        public static let brokerNotFound = Code("brokerNotFound")
        public static let connectionFailed = Code("connectionFailed")
        public static let timedOut = Code("timedOut")
        /// A server answered with an error; see `responseCode` and `remark`.
        public static let refused = Code("refused")
        /// A server answered something that cannot be read.
        public static let malformedAnswer = Code("malformedAnswer")
        public static let invalidMessage = Code("invalidMessage")
        public static let invalidName = Code("invalidName")
        /// A property of a message has a name that only the system may use.
        public static let reservedProperty = Code("reservedProperty")
        public static let forbiddenTopic = Code("forbiddenTopic")
        public static let invalidConfiguration = Code("invalidConfiguration")
        public static let groupAlreadyRegistered = Code("groupAlreadyRegistered")
        public static let offsetFileUnreadable = Code("offsetFileUnreadable")
        public static let alreadyRunning = Code("alreadyRunning")
        public static let closed = Code("closed")
        public static let cancelled = Code("cancelled")
    }

    /// One try to reach a broker.
    public struct Attempt: Sendable, CustomStringConvertible {
        public let brokerName: String
        public let address: String
        public let elapsed: Duration
        public let reason: String

        public var description: String { "\(brokerName) (\(address)) after \(elapsed): \(reason)" }
    }

    public let code: Code
    public let message: String
    /// Set when a server refused: the code it answered with.
    public let responseCode: ResponseCode?
    /// Set when a server refused: the text it answered with.
    public let remark: String?
    /// Every failed try of a send, in order.
    public internal(set) var attempts: [Attempt] = []

    init(_ code: Code, _ message: String, responseCode: ResponseCode? = nil, remark: String? = nil) {
        self.code = code
        self.message = message
        self.responseCode = responseCode
        self.remark = remark
    }

    /// Whether the same call may succeed later without a change of what was asked.
    public var isTransient: Bool {
        switch code {
        case .connectionFailed, .timedOut, .brokerNotFound: true
        case .refused: responseCode == .systemBusy || responseCode == .serviceNotAvailable || responseCode == .flowControl
        default: false
        }
    }

    public var description: String {
        var text = "\(code): \(message)"
        if !attempts.isEmpty { text += " [" + attempts.map(\.description).joined(separator: "; ") + "]" }
        return text
    }
}

extension ClientError {
    /// A server's refusal of `request`.
    static func refused(_ response: RemotingCommand, by address: String, asked request: String) -> ClientError {
        let remark = response.remark ?? ""
        return ClientError(
            .refused, "\(address) refused \(request): \(response.responseCode)\(remark.isEmpty ? "" : ", " + remark)",
            responseCode: response.responseCode, remark: response.remark)
    }

    static func malformed(_ what: String, from address: String, _ cause: some Error) -> ClientError {
        ClientError(.malformedAnswer, "\(what) from \(address) cannot be read: \(cause)")
    }

    static let closedClient = ClientError(.closed, "the client has been shut down")
}
