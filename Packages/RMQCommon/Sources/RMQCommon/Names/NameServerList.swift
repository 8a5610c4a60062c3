/// Addresses of name servers as people write them, in `NAMESRV_ADDR`, behind `-n` and in configuration files:
/// `10.0.0.1:9876;10.0.0.2:9876`.
public enum NameServerList {
    /// What is allowed, in words that complete "allowed: …".
    public static let allowed = "host:port, several separated by ;"

    /// The addresses between semicolons, blanks and line ends, each without those around it; empty ones are left out.
    public static func parse(_ text: String) -> [String] {
        text.unicodeScalars.split { $0 == ";" || $0.value <= 0x20 || $0.properties.isWhitespace }.map { String($0) }
    }

    /// Whether a text has the form of an address: a host name or an IP address, a colon, a port.
    public static func isAddress(_ text: String) -> Bool {
        guard let place = HostPort(text), place.port > 0 else { return false }
        // A comma joins two addresses, and a slash begins a path: neither is part of a host.
        return place.host.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "/") }
    }
}
