import Glibc
import RMQCommon

/// How this client is told apart: `<address>@<instance>`, and `@<unit>` behind it where there is one.
enum ClientIdentity {
    static func make(_ configuration: RocketMQClient.Configuration) -> String {
        let name = switch configuration.instanceName {
        case .unique: "\(getpid())#\(startNumber())"
        case .fixed(let name): name
        }
        let unit = configuration.unitName.map { "@" + $0 } ?? ""
        return "\(configuration.clientAddress ?? localAddress())@\(name)\(unit)"
    }

    /// Differs at each start of a client; its zero has no meaning.
    private static func startNumber() -> Int64 { MonotonicInstant.now.nanoseconds }

    private static func localAddress() -> String { NetworkInterfaces.advertisedAddress().host }
}
