/// Where a server is: a host, by its name or its address, and a port.
///
/// As text `host:port`; an IPv6 address may stand in brackets, and is written in them.
public struct HostPort: Sendable, CustomStringConvertible {
    /// A name or an address, without the brackets of IPv6.
    public var host: String
    /// 0 where no port is meant.
    public var port: UInt16

    /// What is known in its two parts; neither is looked at.
    public init(_ host: String, _ port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads the text, in which the last colon is that before the port; nil without a host or a port.
    public init?(_ text: String) {
        guard let (before, after) = text.cut(atLast: ":"), let port = UInt16(after) else { return nil }
        let host = before.droppingBytePrefix("[")?.droppingByteSuffix("]") ?? before
        if host.isEmpty { return nil }
        self.init(host, port)
    }

    public var description: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
