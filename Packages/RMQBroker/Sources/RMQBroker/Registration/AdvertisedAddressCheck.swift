import RMQCommon
import RMQRemoting

extension BrokerConfiguration {
    /// Why clients on other machines could not use the address that name servers are told, and which key helps; nil when nothing
    /// says that they could not.
    ///
    /// - Parameter ownAddress: one of this machine, as an example.
    func addressWarning(ownAddress: @autoclosure () -> String) -> String? {
        if Self.isWildcard(advertisedAddress) {
            return "clients are given the address \(advertisedAddress), to which nothing can connect: set brokerIP1, as in brokerIP1=\(ownAddress())"
        }
        let remote = nameServers.first { address in HostPort(address).map { !Self.isLoopback($0.host) } ?? false }
        guard let remote, Self.isLoopback(advertisedAddress) else { return nil }
        let given = "clients are given the address \(advertisedAddress), which is their own machine to those that find name server \(remote) from elsewhere"
        if Self.isLoopback(listener.bindAddress) {
            return "\(given), and this broker listens on \(listener.bindAddress) alone: set bindAddress, as in bindAddress=0.0.0.0, and brokerIP1, as in brokerIP1=\(ownAddress())"
        }
        return "\(given): set brokerIP1, as in brokerIP1=\(ownAddress())"
    }

    /// By its text alone: nothing is looked up.
    private static func isLoopback(_ host: String) -> Bool {
        host.isExactlyIgnoringCase("localhost") || HostAddress(host: host, port: 0)?.isLoopback == true
    }

    private static func isWildcard(_ host: String) -> Bool { HostAddress(host: host, port: 0)?.ip.allSatisfy { $0 == 0 } == true }
}
