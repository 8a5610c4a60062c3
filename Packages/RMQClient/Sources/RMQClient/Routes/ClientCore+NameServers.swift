import RMQCommon
import RMQRemoting
import Synchronization

/// Asking name servers, and knowing which there are.
extension ClientCore {
    /// The name servers that are asked at present.
    var nameServerAddresses: [String] { nameServers.withLock { $0.addresses } }

    /// Asks a name server, and the others in turn when one does not answer.
    /// - Parameters:
    ///   - deadline: what is left until then is shared out among the name servers; nil gives each `limit`.
    ///   - limit: longest wait for one of them; nil takes `requestTimeout`.
    func callNameServer(
        _ command: RemotingCommand, deadline: MonotonicInstant? = nil, limit: Duration? = nil
    ) async throws(ClientError) -> (RemotingCommand, address: String) {
        let all = try await knownNameServers()
        var failures: [ClientError] = []
        for left in stride(from: all.count, to: 0, by: -1) {
            guard let address = nameServers.withLock({ $0.chosen }) else { break }
            var timeout = limit ?? configuration.requestTimeout
            if let deadline { timeout = min(timeout, (deadline - .now) / left) }
            do {
                return (try await call(command, atNameServer: address, timeout: timeout), address)
            } catch where error.isConnectionFailure || error.code == .timedOut {
                nameServers.withLock { $0.failed(address) }
                failures.append(error)
            }
        }
        throw .noNameServerAnswered(failures, asked: all)
    }

    /// Asks one name server and no other.
    func call(
        _ command: RemotingCommand, atNameServer address: String, timeout: Duration
    ) async throws(ClientError) -> RemotingCommand {
        do {
            return try await call(command, at: address, timeout: timeout)
        } catch {
            var error = error
            error.server = .nameServer(address)
            throw error
        }
    }

    // MARK: Which there are

    /// The name servers, at least one; looked up first where that is still to be done.
    func knownNameServers() async throws(ClientError) -> [String] {
        if nameServerAddresses.isEmpty, configuration.nameServerEndpoint != nil { await lookUpNameServers(ifUnknown: true) }
        let known = nameServerAddresses
        guard !known.isEmpty else { throw .noNameServer }
        return known
    }

    /// Takes over another list of name servers, if it is another one.
    func updateNameServers(_ addresses: [String]) {
        guard nameServers.withLock({ $0.update(addresses) }) else { return }
        logger.info("name servers are now \(addresses.joined(separator: ";"))")
    }

    /// Asks the endpoint of the configuration, one task at a time. What goes wrong is logged, and the list stays.
    /// - Parameter ifUnknown: does nothing when somebody else has found a list meanwhile.
    func lookUpNameServers(ifUnknown: Bool = false) async {
        guard let endpoint = configuration.nameServerEndpoint, let http else { return }
        await lookUps.run {
            if ifUnknown, !nameServerAddresses.isEmpty { return }
            switch await http(endpoint.request(unitName: configuration.unitName), NameServerEndpoint.timeout) {
            case .success(let answer):
                let found = NameServerEndpoint.addresses(in: answer)
                if found.isEmpty { return logger.warning("\(endpoint.address) answered no list of name servers (status \(answer.status))") }
                // Processes that read one list spread over it.
                updateNameServers(found.shuffled())
            case .failure(let error):
                logger.warning("name servers not looked up: \(error)")
            }
        }
    }

    /// Looks the name servers up again and again, where they are looked up at all, until the task is cancelled.
    func keepNameServersFresh() async {
        guard let endpoint = configuration.nameServerEndpoint, configuration.nameServers.isEmpty else { return }
        guard (try? await Task.sleep(for: min(NameServerEndpoint.firstRefresh, endpoint.refreshInterval))) != nil else { return }
        await lookUpNameServers()
        await every(endpoint.refreshInterval) { await lookUpNameServers() }
    }
}

/// One exchange with a web server, within a time.
typealias HTTPExchange = @Sendable (HTTPGet, Duration) async -> Result<HTTPGet.Response, RemotingError>
