public import RMQCommon
public import RMQRemoting

extension RocketMQClient {
    /// What a client needs to know. Every default works with a cluster at its own defaults.
    ///
    /// ```swift
    /// var configuration = RocketMQClient.Configuration(nameServers: "10.0.0.1:9876;10.0.0.2:9876")
    /// configuration.requestTimeout = .seconds(1)
    /// let client = try RocketMQClient(configuration)
    /// ```
    ///
    /// Where the name servers come from: from code (``nameServers``), from a file (``init(file:)``), from the environment (``init()``), or,
    /// where none of these names any, from a web server (``nameServerEndpoint``). The first of them that does counts.
    public struct Configuration: Sendable {
        /// `host:port` of every name server; one is asked until it fails, then the next one.
        public var nameServers: [String]
        /// Where the list of name servers is looked up while ``nameServers`` is empty: before the first request, and again and again later.
        public var nameServerEndpoint: NameServerEndpoint?
        /// Keeps the names of topics and groups apart from those of other users of the cluster; nil for none.
        ///
        /// An application writes and reads bare names; servers know `namespace%name`. Names of the system stay as they are.
        public var namespace: String?
        /// Who asks, at brokers with access control; nil signs nothing.
        public var credentials: Credentials?
        /// How connections are encrypted; nil: they are not.
        public var tls: TLSConfiguration?
        /// First part of the client id; nil takes the first usable address of this machine.
        public var clientAddress: String?
        /// Second part of the client id.
        public var instanceName = InstanceName.unique
        /// Third part of the client id, and of the address at which name servers are looked up; nil leaves both without one.
        public var unitName: String?
        /// How command headers are written. Both are understood by every server of the 4.x line, and answered in kind. The binary form
        /// costs half as much; requests that it cannot express, those with an empty text, go as JSON all the same.
        public var headers = HeaderSerialization.rocketmq
        /// Sends as code 310 with one-letter field names; false sends as code 10 with long ones.
        public var usesShortSendHeader = true
        /// Longest wait for the answer of a name server, and of a broker to a heartbeat or a question about a group.
        public var requestTimeout = Duration.seconds(3)
        /// How long a connect may take.
        public var connectTimeout = Duration.seconds(3)
        /// A connection over which nothing went for so long is closed; the next request opens a new one.
        public var idleTimeout = Duration.seconds(120)
        /// Largest frame sent or accepted, in bytes.
        public var maxFrameBytes = 16 << 20
        /// How often the routes of all topics in use are asked for again.
        public var routeRefreshInterval = Duration.seconds(30)
        /// How often brokers are told who is here; they forget a client that was silent for two minutes.
        public var heartbeatInterval = Duration.seconds(30)
        /// What may wait to be written to one broker, in bytes: while more does, sends wait for room, for as long as their time allows.
        public var sendBufferBytes = 4 << 20
        /// Threads that run the network; one is enough for hundreds of thousands of sends per second.
        public var eventLoops = 1
        /// Where the client tells what it does in the background: warnings and errors on standard error unless set otherwise.
        ///
        /// A consumer has no caller to throw to when, say, a broker does not know its group: it says so here and tries again.
        public var logger = Logger(category: "RocketmqClient", level: .warning, sink: ConsoleSink())
        /// Of a configuration file: another file, with the credentials.
        var keyFile: String?
        /// Of a configuration file: what becomes ``tls``.
        var tlsKeys = TLSSettings.ofClient
        /// Whether it records what becomes of messages, for `queryMsgTraceById` of the reference's mqadmin and for consoles.
        public var tracing = Tracing.disabled
        /// Which kind of cluster it is, for the trace.
        public var accessChannel = AccessChannel.local

        /// - Parameter nameServers: `host:port` each, at least one.
        public init(nameServers: [String]) {
            self.nameServers = nameServers
        }

        /// - Parameter nameServers: addresses joined by `;`, as in `NAMESRV_ADDR`.
        public init(nameServers: String) {
            self.nameServers = NameServerList.parse(nameServers)
        }
    }
}

/// The part of the client id that tells processes on one machine apart.
public enum InstanceName: Sendable {
    /// A new name at each start: right for all but broadcasting consumers.
    case unique
    /// The same name at each start, so that a broadcasting consumer finds its offset file again.
    ///
    /// Two running clients on one machine must not share it: brokers would take them for one.
    case fixed(String)
}

extension RocketMQClient.Configuration {
    /// Sends the client's own log to `sink` instead of standard error.
    /// - Parameter level: what matters less is not even made.
    public mutating func log(_ level: LogLevel = .warning, to sink: any LogSink) {
        logger = Logger(category: "RocketmqClient", level: level, sink: sink)
    }

    /// The addresses as they are asked: `http://host:port`, which some hosts of RocketMQ hand out, is the `host:port` behind the last slash.
    var nameServerAddresses: [String] { nameServers.map { Self.withoutScheme($0) } }

    /// The namespace that was set, else the one that the address of a hosted instance begins with.
    var effectiveNamespace: String? {
        if let namespace, !namespace.isEmpty { return namespace }
        return nameServers.first.flatMap { Self.instance(ofAddress: $0) }
    }

    private static func withoutScheme(_ address: String) -> String {
        address.hasBytePrefix("http://") ? address.cut(atLast: "/")?.after ?? address : address
    }

    /// `MQ_INST_<word>_<word>` of `[scheme://]MQ_INST_<word>_<word>.<domain>`.
    private static func instance(ofAddress address: String) -> String? {
        let place = address.cut(atLast: "/")?.after ?? address
        guard let name = place.cut(atFirst: ".")?.before, let words = name.droppingBytePrefix("MQ_INST_") else { return nil }
        guard let (first, second) = words.cut(atLast: "_"), !first.isEmpty, !second.isEmpty else { return nil }
        return words.utf8.allSatisfy { NameBytes.isWord($0) } ? name : nil
    }
}

private enum NameBytes {
    /// `[A-Za-z0-9_]`
    static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): true
        default: false
        }
    }
}
