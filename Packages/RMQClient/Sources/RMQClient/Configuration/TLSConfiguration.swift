/// How connections are to be encrypted.
///
/// TLS is not built yet. A client whose configuration has one is refused with the code `unsupported`, so that no program runs over plain
/// connections in the belief that they are encrypted.
public struct TLSConfiguration: Sendable {
    /// A file of certificates (PEM) that servers are checked against; nil takes those of the system.
    public var trustRootsFile: String?
    /// Whether the certificate of a server is checked at all.
    public var verifiesServer = true
    /// A file with this client's own certificate chain (PEM), for servers that ask for one.
    public var certificateFile: String?
    /// The file with the key of that certificate (PEM).
    public var keyFile: String?

    public init() {}
}
