internal import Glibc

/// An IP address with a port, as records store it and connections show it.
///
///     0        4 or 16   +4
///     +--------+---------+
///     | ip     | port    |   the port as a 32-bit number, big endian
///     +--------+---------+
public struct HostAddress: Hashable, Sendable, CustomStringConvertible {
    /// Whether the address has 16 bytes instead of 4.
    public let isIPv6: Bool
    /// In the machine's byte order; 0 where no port is meant.
    public let port: UInt16
    /// The address in network order: of IPv4 only the lower half of `low` is used.
    @usableFromInline let high: UInt64
    @usableFromInline let low: UInt64

    @inlinable init(isIPv6: Bool, high: UInt64, low: UInt64, port: UInt16) {
        self.isIPv6 = isIPv6
        self.high = high
        self.low = low
        self.port = port
    }

    /// An IPv4 address by its four numbers, as they are written.
    @inlinable public init(ipv4: (UInt8, UInt8, UInt8, UInt8), port: UInt16) {
        let value = UInt64(ipv4.0) << 24 | UInt64(ipv4.1) << 16 | UInt64(ipv4.2) << 8 | UInt64(ipv4.3)
        self.init(isIPv6: false, high: 0, low: value, port: port)
    }

    /// - Parameter ip: 4 or 16 bytes in network order; any other number gives nil.
    @inlinable public init?(ip: some Collection<UInt8>, port: UInt16) {
        switch ip.count {
        case 4: self.init(isIPv6: false, high: 0, low: ip.reduce(0) { $0 << 8 | UInt64($1) }, port: port)
        case 16:
            self.init(
                isIPv6: true, high: ip.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
                low: ip.suffix(8).reduce(0) { $0 << 8 | UInt64($1) }, port: port)
        default: return nil
        }
    }

    /// Reads `192.168.0.1:10911`, `[2001:db8::1]:10911` or `2001:db8::1:10911` (the last colon before the port). No host names.
    public init?(_ text: String) {
        guard let (host, port) = text.cut(atLast: ":"), let port = UInt16(port) else { return nil }
        self.init(host: host.droppingBytePrefix("[")?.droppingByteSuffix("]") ?? host, port: port)
    }

    /// - Parameter host: the text of an IPv4 or IPv6 address.
    public init?(host: String, port: UInt16) {
        var v4 = in_addr()
        var v6 = in6_addr()
        if inet_pton(AF_INET, host, &v4) == 1 {
            self.init(isIPv6: false, high: 0, low: UInt64(UInt32(bigEndian: v4.s_addr)), port: port)
        } else if inet_pton(AF_INET6, host, &v6) == 1 {
            let bytes = withUnsafeBytes(of: &v6) { [UInt8]($0) }
            self.init(ip: bytes, port: port)
        } else {
            return nil
        }
    }

    /// How many bytes the stored form has: 8 or 20.
    @inlinable public var byteCount: Int { isIPv6 ? 20 : 8 }

    /// 4 or 16 bytes in network order.
    public var ip: [UInt8] {
        let lower = withUnsafeBytes(of: low.bigEndian) { [UInt8]($0) }
        guard isIPv6 else { return [UInt8](lower.suffix(4)) }
        return withUnsafeBytes(of: high.bigEndian) { [UInt8]($0) } + lower
    }

    /// 127.0.0.0/8 or ::1, or the former as a socket of version 6 shows it: ::ffff:127.0.0.0/104.
    public var isLoopback: Bool {
        guard isIPv6 else { return low >> 24 == 127 }
        return high == 0 && (low == 1 || low >> 24 == 0xFF_FF7F)
    }

    /// The address without port and brackets.
    public var host: String {
        guard isIPv6 else { return "\(low >> 24 & 255).\(low >> 16 & 255).\(low >> 8 & 255).\(low & 255)" }
        var address = in6_addr()
        withUnsafeMutableBytes(of: &address) { $0.copyBytes(from: ip) }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        inet_ntop(AF_INET6, &address, &text, socklen_t(text.count))
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    public var description: String { isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// The same address with another port.
    public func with(port: UInt16) -> HostAddress { HostAddress(isIPv6: isIPv6, high: high, low: low, port: port) }

    /// Reads an address and its port; the upper half of the 32-bit port is dropped.
    @inlinable public static func read(_ reader: inout ByteReader, isIPv6: Bool) -> HostAddress? {
        guard reader.remaining >= (isIPv6 ? 20 : 8) else { return nil }
        let high = isIPv6 ? reader.read(as: UInt64.self) ?? 0 : 0
        let low = isIPv6 ? reader.read(as: UInt64.self) ?? 0 : UInt64(reader.read(as: UInt32.self) ?? 0)
        return HostAddress(isIPv6: isIPv6, high: high, low: low, port: UInt16(truncatingIfNeeded: reader.read(as: UInt32.self) ?? 0))
    }

    /// Writes ``byteCount`` bytes to memory that has room for them.
    @inlinable public func store(to target: UnsafeMutableRawPointer) {
        if isIPv6 {
            target.storeBytes(of: high.bigEndian, as: UInt64.self)
            target.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        } else {
            target.storeBytes(of: UInt32(truncatingIfNeeded: low).bigEndian, as: UInt32.self)
        }
        target.storeBytes(of: UInt32(port).bigEndian, toByteOffset: byteCount - 4, as: UInt32.self)
    }

    /// Appends the stored form, ``byteCount`` bytes.
    @inlinable public func write(to writer: inout ByteWriter) {
        if isIPv6 {
            writer.write(high)
            writer.write(low)
        } else {
            writer.write(UInt32(truncatingIfNeeded: low))
        }
        writer.write(UInt32(port))
    }
}
