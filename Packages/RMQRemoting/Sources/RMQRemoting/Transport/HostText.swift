import RMQCommon

/// `host:port` texts, with brackets around IPv6 addresses.
public enum HostText {
    /// `host:port`, or `[v6]:port`.
    public static func joined(_ host: String, _ port: UInt16) -> String {
        host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// Host and port of `host:port` or `[v6]:port`; nil when there is no port.
    public static func split(_ text: String) -> (host: String, port: UInt16)? {
        guard let (before, after) = text.cut(atLast: ":"), let port = UInt16(after), port > 0 else { return nil }
        let host = before.droppingBytePrefix("[")?.droppingByteSuffix("]") ?? before
        return host.isEmpty ? nil : (host, port)
    }
}
