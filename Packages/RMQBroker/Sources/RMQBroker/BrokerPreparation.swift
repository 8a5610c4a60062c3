import RMQACL
public import RMQCommon
import RMQRemoting

/// What a start makes of a configuration before it opens the store: whatever can be refused without a look at data.
struct BrokerPreparation {
    let configuration: BrokerConfiguration
    /// The address that clients are told, in numbers.
    let host: HostAddress
    let tls: ProgramTLS
    /// Nil with `aclEnable=false`.
    let accounts: PlainAccessControl?

    init(_ given: BrokerConfiguration, logger: Logger, clocks: Clocks) throws(BrokerError) {
        configuration = try given.settled()
        if configuration.brokerId != given.brokerId { logger.warning("brokerId=\(given.brokerId) is 0 for \(given.role.rawValue)") }
        // Clients are told what is configured, which may be a name; messages carry the address.
        guard let host = HostAddress.resolving(configuration.advertisedAddress, port: configuration.listener.port) else {
            throw .badAddress(key: "brokerIP1", value: configuration.advertisedAddress)
        }
        self.host = host
        do throws(TLSError) { tls = try ProgramTLS(configuration.listener.tls, logger: logger.with(.remoting)) } catch { throw .tls(error) }
        do throws(AccountFileError) {
            accounts = try configuration.access.control(home: configuration.rocketmqHome, logger: logger.with(.accounts), clock: clocks.wall)
        } catch {
            throw .accounts(reason: "\(error)")
        }
    }
}

extension Broker {
    /// Looks at a configuration, the files of TLS and of accounts that it names included, as a start does before it opens the store. Opens no store
    /// and no port.
    /// - Parameter logger: is told what a start would warn of.
    /// - Throws: what a start would refuse.
    public static func check(_ configuration: BrokerConfiguration, logger: Logger) throws(BrokerError) {
        try BrokerPreparation(configuration, logger: logger, clocks: .system).tls.port.stop()
    }
}
