import RMQRemoting

/// How a broker connects to name servers and to its master: in whose name it asks, and whether what it says is encrypted.
struct OutgoingConnections: Sendable {
    let account: BrokerAccount
    private let tls: ProgramTLS

    init(_ account: BrokerAccount, tls: ProgramTLS) {
        self.account = account
        self.tls = tls
    }

    /// What all clients of the broker's own are set to.
    var clientConfiguration: ClientConfiguration {
        var configuration = tls.clientConfiguration
        configuration.signer = account.signer
        return configuration
    }

    /// For connections that speak something else than remoting frames.
    func transport(to address: String) -> TransportMaker { tls.client?.transport(to: address) ?? PlainTransport.maker }
}
