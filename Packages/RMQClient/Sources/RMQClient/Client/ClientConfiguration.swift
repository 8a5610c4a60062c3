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
    public struct Configuration: Sendable {
        /// `host:port` of every name server; one is asked until it fails, then the next one.
        public var nameServers: [String]
        /// First part of the client id; nil takes the first usable address of this machine.
        public var clientAddress: String?
        /// Second part of the client id.
        public var instanceName = InstanceName.unique
        /// How command headers are written. Both are understood by every server of the 4.x line, and answered in kind. The binary form
        /// costs half as much; requests that it cannot express, those with an empty text, go as JSON all the same.
        public var headers = HeaderSerialization.rocketmq
        /// Sends as code 310 with one-letter field names; false sends as code 10 with long ones.
        public var usesShortSendHeader = true
        /// Longest wait for the answer of a name server, and of a broker to a heartbeat or a question about a group.
        public var requestTimeout = Duration.seconds(3)
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
        /// Whether it records what becomes of messages, for `mqadmin queryMsgTraceById` and consoles.
        public var tracing = Tracing.disabled

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
    func check() throws(ClientError) {
        guard !nameServers.isEmpty else {
            throw ClientError(.noNameServer, "nameServers is empty; give the host:port of at least one name server")
        }
        for address in nameServers {
            guard NameServerList.isAddress(address) else {
                throw ClientError(.invalidConfiguration, "nameServers has \"\(address)\", expected is host:port, as 127.0.0.1:9876")
            }
        }
        if case .fixed(let name) = instanceName, name.isEmpty || name.unicodeScalars.contains(where: { $0.properties.isWhitespace || $0 == "/" || $0 == "@" }) {
            throw ClientError(.invalidConfiguration, "instanceName is \"\(name)\"; it must not be empty nor contain blanks, / or @")
        }
        guard requestTimeout > .zero, routeRefreshInterval > .zero, heartbeatInterval > .zero else {
            throw ClientError(.invalidConfiguration, "requestTimeout, routeRefreshInterval and heartbeatInterval must be longer than zero")
        }
        guard sendBufferBytes > 0 else {
            throw ClientError(.invalidConfiguration, "sendBufferBytes is \(sendBufferBytes), allowed is 1 and more")
        }
        try tracing.check()
        guard (1...64).contains(eventLoops) else {
            throw ClientError(.invalidConfiguration, "eventLoops is \(eventLoops), allowed is 1 to 64")
        }
    }
}
