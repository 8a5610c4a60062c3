public import RMQCommon

/// TLS of a server program: of its ports and of the connections that it opens itself.
public struct ProgramTLS: Sendable {
    /// For the listening ports.
    public let port: TLSPort
    /// For outgoing connections; nil: they are plain.
    public let client: TLSClient?

    /// Reads the file of `tls.config.file`, and the files that are named there and in `settings`.
    /// - Throws: for a file that cannot be read, and for certificates and keys that the program cannot do without.
    public init(_ settings: TLSSettings, logger: Logger) throws(TLSError) {
        let settings = try Self.withFile(settings, logger)
        port = try TLSPort(settings, logger: logger)
        client = if let wanted = settings.clientSettings { try TLSClient(wanted, logger: logger) } else { nil }
    }

    private static func withFile(_ settings: TLSSettings, _ logger: Logger) throws(TLSError) -> TLSSettings {
        do throws(ConfigurationError) {
            return try settings.withFile { logger.warning($0) }
        } catch {
            throw .settings(error)
        }
    }

    /// The settings of a ``RemotingClient`` of the program.
    public var clientConfiguration: ClientConfiguration {
        var configuration = ClientConfiguration()
        configuration.tls = client
        return configuration
    }

    /// Looks for changed files every now and then; nil where there are none to look at.
    /// - Parameter pool: reads them.
    public func periodicLook(on loop: EventLoop, by pool: WorkerPool) -> PeriodicWork? {
        guard port.hasFiles else { return nil }
        return PeriodicWork("TLS files", on: loop, every: TLSPort.lookInterval, by: pool) { [port] in port.look() }
    }
}
