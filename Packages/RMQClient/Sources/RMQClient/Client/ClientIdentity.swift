import Glibc
import RMQCommon

/// How this client is told apart: `<address>@<instance>`.
enum ClientIdentity {
    static func make(address: String?, instance: InstanceName) -> String {
        let name = switch instance {
        case .unique: "\(getpid())#\(startNumber())"
        case .fixed(let name): name
        }
        return "\(address ?? localAddress())@\(name)"
    }

    /// Differs at each start of a client; its zero has no meaning.
    private static func startNumber() -> Int64 { MonotonicInstant.now.nanoseconds }

    private static func localAddress() -> String { NetworkInterfaces.advertisedAddress().host }
}
