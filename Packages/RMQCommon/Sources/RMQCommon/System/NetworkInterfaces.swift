internal import Glibc

/// The addresses of this machine.
public enum NetworkInterfaces {
    /// The address that ids and advertised addresses use: the first public IPv4 (loopback counts as one) or global IPv6 address,
    /// else the first private IPv4 address; 4 or 16 bytes, nil when there is none.
    public static func preferredAddress() -> [UInt8]? {
        var privateAddress: [UInt8]?
        for address in all() {
            if address.count == 4 {
                if !isPrivate(address) { return address }
                privateAddress = privateAddress ?? address
            } else if isGlobal(address) {
                return address
            }
        }
        return privateAddress
    }

    /// The address that other machines reach this one by: as `preferredAddress`, but loopback only when there is nothing else.
    public static func advertisedAddress() -> HostAddress {
        let candidates = all().filter { $0.count == 4 && $0[0] != 127 }
        let chosen = candidates.first { !isPrivate($0) } ?? candidates.first
        return chosen.flatMap { HostAddress(ip: $0, port: 0) } ?? HostAddress(ipv4: (127, 0, 0, 1), port: 0)
    }

    /// Every IPv4 and IPv6 address of an interface that is up, in the order of the system.
    public static func all() -> [[UInt8]] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        var addresses: [[UInt8]] = []
        for interface in sequence(first: list, next: { $0?.pointee.ifa_next }).compactMap({ $0?.pointee }) {
            guard let address = interface.ifa_addr, interface.ifa_flags & UInt32(IFF_UP) != 0 else { continue }
            switch Int32(address.pointee.sa_family) {
            case AF_INET:
                addresses.append(address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { withUnsafeBytes(of: $0.pointee.sin_addr) { [UInt8]($0) } })
            case AF_INET6:
                addresses.append(address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { withUnsafeBytes(of: $0.pointee.sin6_addr) { [UInt8]($0) } })
            default: continue
            }
        }
        return addresses
    }

    private static func isPrivate(_ ip: [UInt8]) -> Bool {
        ip[0] == 10 || (ip[0] == 172 && ip[1] & 0xF0 == 16) || (ip[0] == 192 && ip[1] == 168)
    }

    /// Neither unspecified, loopback, link-local nor site-local.
    private static func isGlobal(_ ip: [UInt8]) -> Bool {
        let isLocal = ip[0] == 0xFE && (ip[1] & 0xC0 == 0x80 || ip[1] & 0xC0 == 0xC0)
        return !isLocal && ip[..<15].contains { $0 != 0 }
    }
}
