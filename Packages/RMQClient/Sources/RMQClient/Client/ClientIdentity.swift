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
    private static func startNumber() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    private static func localAddress() -> String { NetworkInterfaces.advertisedAddress().host }
}
