import Glibc
import RMQCommon

/// An IPv4 or IPv6 socket address with its length.
struct SocketAddress: Sendable {
    private var storage = sockaddr_storage()
    private var length: socklen_t = 0

    var family: Int32 { Int32(storage.ss_family) }

    /// A numeric address: `127.0.0.1`, `::1`; nil for anything else.
    init?(numeric host: String, port: UInt16) {
        var v4 = in_addr()
        var v6 = in6_addr()
        if inet_pton(AF_INET, host, &v4) == 1 {
            self.init(sockaddr_in(sin_family: UInt16(AF_INET), sin_port: port.bigEndian, sin_addr: v4, sin_zero: (0, 0, 0, 0, 0, 0, 0, 0)))
        } else if inet_pton(AF_INET6, host, &v6) == 1 {
            self.init(sockaddr_in6(sin6_family: UInt16(AF_INET6), sin6_port: port.bigEndian, sin6_flowinfo: 0, sin6_addr: v6, sin6_scope_id: 0))
        } else {
            return nil
        }
    }

    private init<Raw>(_ raw: Raw) {
        withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: raw, as: Raw.self) }
        length = socklen_t(MemoryLayout<Raw>.size)
    }

    init(accepted storage: sockaddr_storage) {
        self.storage = storage
        length = socklen_t(Int32(storage.ss_family) == AF_INET6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size)
    }

    /// Most addresses of one name that are tried: more would outlast every request.
    private static let resolvedLimit = 8

    /// The addresses of a name, at least one; blocks while the system's resolver works.
    @Sendable static func resolving(_ host: String, port: UInt16) -> Result<[SocketAddress], ResolveFailure> {
        if let address = SocketAddress(numeric: host, port: port) { return .success([address]) }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &found)
        defer { if let found { freeaddrinfo(found) } }
        var v4: [SocketAddress] = []
        var v6: [SocketAddress] = []
        var entry = found
        while let current = entry {
            var storage = sockaddr_storage()
            memcpy(&storage, current.pointee.ai_addr, min(Int(current.pointee.ai_addrlen), MemoryLayout<sockaddr_storage>.size))
            if current.pointee.ai_family == AF_INET { v4.append(SocketAddress(accepted: storage)) }
            if current.pointee.ai_family == AF_INET6 { v6.append(SocketAddress(accepted: storage)) }
            entry = current.pointee.ai_next
        }
        // IPv4 first: that is what brokers register.
        let addresses = (v4 + v6).prefix(resolvedLimit)
        if !addresses.isEmpty { return .success(Array(addresses)) }
        return .failure(ResolveFailure(reason: code == 0 ? "no address" : String(cString: gai_strerror(code))))
    }

    struct ResolveFailure: Error { let reason: String }

    func withPointer<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        withUnsafePointer(to: storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }

    var port: UInt16 {
        // The port lies at the same place in both families.
        withUnsafeBytes(of: storage) { UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) }
    }

    /// An IPv4 address that arrived on an IPv6 socket counts as IPv4.
    var host: HostAddress {
        withUnsafeBytes(of: storage) { raw in
            let v4 = HostAddress(ipv4: (raw[4], raw[5], raw[6], raw[7]), port: port)
            guard family == AF_INET6 else { return v4 }
            let isMapped = raw[8..<18].allSatisfy { $0 == 0 } && raw[18] == 0xFF && raw[19] == 0xFF
            return HostAddress(ip: isMapped ? raw[20..<24] : raw[8..<24], port: port) ?? v4
        }
    }
}
