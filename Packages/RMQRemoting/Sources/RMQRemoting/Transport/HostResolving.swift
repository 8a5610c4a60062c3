public import RMQCommon

extension HostAddress {
    /// The address of a host, by its name or by the text of an address, IPv4 first; nil when there is none.
    /// Blocks while the system's resolver works.
    public static func resolving(_ host: String, port: UInt16) -> HostAddress? {
        try? SocketAddress.resolving(host, port: port).get().first?.host
    }
}
