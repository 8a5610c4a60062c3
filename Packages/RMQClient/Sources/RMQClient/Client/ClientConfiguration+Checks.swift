import RMQCommon
import RMQRemoting

/// What a client refuses at its construction, with the value, what is allowed, and what to do.
extension RocketMQClient.Configuration {
    /// Threads of a client's network; the range of the file's key is the same.
    static let mostLoops = 64
    /// Brokers forget a client that says nothing for so long; the range of the file's key is the same.
    static let longestHeartbeatInterval = Duration.seconds(120)

    func check() throws(ClientError) {
        guard !nameServers.isEmpty || nameServerEndpoint != nil else {
            throw ClientError(
                .noNameServer,
                "no name server is named: set nameServers, the environment variable NAMESRV_ADDR, namesrvAddr in a configuration file, or nameServerEndpoint")
        }
        try checkShared()
    }

    /// What an ``Admin`` has to hold as well, which may come without a name server.
    func checkShared() throws(ClientError) {
        for (given, address) in zip(nameServers, nameServerAddresses) { try Self.checkAddress(address, given: given, in: "nameServers") }
        try nameServerEndpoint?.check()
        try checkIdentity()
        try credentials?.check()
        try checkTimes()
        guard (1...Int(Int32.max)).contains(sendBufferBytes) else {
            throw ClientError(.invalidConfiguration, "sendBufferBytes is \(sendBufferBytes), allowed is 1 to \(Int32.max)")
        }
        try tracing.check()
        guard maxFrameBytes >= 1024, maxFrameBytes <= Int(Int32.max) else {
            throw ClientError(.invalidConfiguration, "maxFrameBytes is \(maxFrameBytes), allowed is 1024 to \(Int32.max)")
        }
        guard (1...Self.mostLoops).contains(eventLoops) else {
            throw ClientError(.invalidConfiguration, "eventLoops is \(eventLoops), allowed is 1 to \(Self.mostLoops)")
        }
    }

    /// - Parameter given: what was written, where that is more than the address.
    static func checkAddress(_ address: String, given: String? = nil, in what: String) throws(ClientError) {
        guard NameServerList.isAddress(address) else {
            throw ClientError(.invalidConfiguration, "\(what) has \"\(given ?? address)\", expected is host:port, as 127.0.0.1:9876")
        }
    }

    private func checkTimes() throws(ClientError) {
        for (name, time) in [
            ("requestTimeout", requestTimeout), ("connectTimeout", connectTimeout), ("idleTimeout", idleTimeout),
            ("routeRefreshInterval", routeRefreshInterval), ("heartbeatInterval", heartbeatInterval),
        ] where time <= .zero {
            throw ClientError(.invalidConfiguration, "\(name) is \(time), allowed is more than zero")
        }
        guard heartbeatInterval <= Self.longestHeartbeatInterval else {
            throw ClientError(
                .invalidConfiguration,
                "heartbeatInterval is \(heartbeatInterval), allowed is up to \(Self.longestHeartbeatInterval): brokers forget who is silent for longer")
        }
    }

    private func checkIdentity() throws(ClientError) {
        if case .fixed(let name) = instanceName { try Self.checkPart("instanceName", name) }
        if let clientAddress { try Self.checkPart("clientAddress", clientAddress) }
        if let unitName { try Self.checkPart("unitName", unitName) }
        guard let namespace, !namespace.isEmpty else { return }
        do {
            _ = try TopicName(namespace)
        } catch {
            throw ClientError(.invalidConfiguration, "namespace is \"\(namespace)\": \(error)")
        }
        guard !namespace.contains(ascii: Namespace.separator) else {
            throw ClientError(.invalidConfiguration, "namespace is \"\(namespace)\"; it must not contain %, which ends it in the names that servers know")
        }
    }

    /// A part of the client id, which is also the name of a folder with a broadcasting consumer's offsets.
    private static func checkPart(_ what: String, _ text: String) throws(ClientError) {
        guard !text.isEmpty, !text.unicodeScalars.contains(where: { $0.properties.isWhitespace || $0 == "/" || $0 == "@" }) else {
            throw ClientError(.invalidConfiguration, "\(what) is \"\(text)\"; it must not be empty nor contain blanks, / or @")
        }
    }
}
