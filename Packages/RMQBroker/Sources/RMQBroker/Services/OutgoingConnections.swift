import RMQRemoting

/// How a broker connects to name servers and to its master: in whose name it asks, and whether what it says is encrypted.
struct OutgoingConnections: Sendable {
    let account: BrokerAccount
    /// Nil for plain connections.
    private let tls: TLSClient?

    init(_ account: BrokerAccount, tls: TLSClient?) {
        self.account = account
        self.tls = tls
    }

    /// What all clients of the broker's own are set to.
    var clientConfiguration: ClientConfiguration {
        var configuration = ClientConfiguration()
        configuration.tls = tls
        configuration.signer = account.signer
        return configuration
    }

    /// For connections that speak something else than remoting frames.
    func transport(to address: String) -> TransportMaker { tls?.transport(to: address) ?? PlainTransport.maker }
}
