public import RMQCommon
public import RMQRemoting

extension RocketMQClient {
    /// What a client needs to know. Every default works with a cluster at its own defaults.
    public struct Configuration: Sendable {
        /// `host:port` of every name server; asked in turn, the next one when one fails.
        public var nameServers: [String]
        /// First part of the client id; nil takes the first usable address of this machine.
        public var clientAddress: String?
        public var instanceName = InstanceName.unique
        /// How command headers are written. Both are understood by every server of the 4.x line.
        public var headers = HeaderSerialization.json
        /// Sends as code 310 with one-letter field names; false sends as code 10 with long ones.
        public var usesShortSendHeader = true
        public var requestTimeout = Duration.seconds(3)
        public var routeRefreshInterval = Duration.seconds(30)
        public var heartbeatInterval = Duration.seconds(30)
        /// Threads that run the network; one is enough for tens of thousands of calls per second.
        public var eventLoops = 1
        public var logger = Logger(category: "RocketmqClient", sink: DiscardSink())

        public init(nameServers: [String]) {
            self.nameServers = nameServers
        }

        /// - Parameter nameServers: addresses joined by `;`, as in `NAMESRV_ADDR`.
        public init(nameServers: String) {
            self.nameServers = nameServers.split(separator: ";").map { $0.trimmingBlanks() }.filter { !$0.isEmpty }
        }
    }
}

/// The part of the client id that tells processes on one machine apart.
public enum InstanceName: Sendable, Hashable {
    /// A new name at each start: right for all but broadcasting consumers.
    case unique
    /// The same name at each start, so that a broadcasting consumer finds its offset file again.
    case fixed(String)
}

extension StringProtocol {
    /// The text without blanks and tabs at its ends.
    func trimmingBlanks() -> String {
        var rest = self[...]
        while let first = rest.first, first.isWhitespace { rest.removeFirst() }
        while let last = rest.last, last.isWhitespace { rest.removeLast() }
        return String(rest)
    }
}
