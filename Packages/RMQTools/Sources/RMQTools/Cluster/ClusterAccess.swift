import RMQCommon
import RMQRemoting

/// What the commands ask of name servers and brokers.
struct ClusterAccess: Sendable {
    let transport: any CommandTransport
    let nameServers: [String]

    static let timeout = Duration.seconds(5)

    /// Asks the name servers in turn until one can be reached.
    func askNameServer(_ command: RemotingCommand) async throws(AdminError) -> RemotingCommand {
        guard !nameServers.isEmpty else { throw .noNameServer }
        for address in nameServers {
            do {
                return try await accepted(command, by: address, timeout: Self.timeout, namingBroker: false)
            } catch .unreachable {
                continue
            }
        }
        throw .unreachable("[" + nameServers.joined(separator: ", ") + "]")
    }

    /// Tells every name server; the first failure ends it.
    func tellNameServers(_ command: RemotingCommand) async throws(AdminError) {
        guard !nameServers.isEmpty else { throw .noNameServer }
        for address in nameServers {
            _ = try await accepted(command, by: address, timeout: Self.timeout, namingBroker: false)
        }
    }

    /// - Parameter namingBroker: whether a refusal is told with the broker's address.
    func askBroker(
        _ address: String, _ command: RemotingCommand, timeout: Duration = Self.timeout, namingBroker: Bool = true
    ) async throws(AdminError) -> RemotingCommand {
        try await accepted(command, by: address, timeout: timeout, namingBroker: namingBroker)
    }

    /// The answer whatever its code.
    func answer(
        of address: String, to command: RemotingCommand, timeout: Duration = Self.timeout
    ) async throws(AdminError) -> RemotingCommand {
        do {
            return try await transport.request(command, to: address, timeout: timeout)
        } catch {
            throw AdminError(error)
        }
    }

    private func accepted(
        _ command: RemotingCommand, by address: String, timeout: Duration, namingBroker: Bool
    ) async throws(AdminError) -> RemotingCommand {
        let response = try await answer(of: address, to: command, timeout: timeout)
        guard response.responseCode == .success else {
            throw .refused(code: response.code, remark: response.remark ?? "", broker: namingBroker ? address : nil)
        }
        return response
    }
}

extension RemotingCommand {
    /// A request with these header fields.
    init(_ code: RequestCode, _ fields: HeaderFields, body: [UInt8] = []) {
        self.init(code: code.rawValue, fields: fields, body: body)
    }

    /// The body as JSON.
    func json(_ what: String) throws(AdminError) -> JSONValue {
        do {
            return try JSONValue(parsing: body)
        } catch {
            throw .unreadable("\(what) is not JSON: \(error)")
        }
    }

    /// A whole number in the header of an answer.
    func number(_ field: String) throws(AdminError) -> Int64 {
        guard let text = fields?[field], let number = Int64(text) else {
            throw .unreadable("header field \(field) is \(fields?[field] ?? "absent"), not a whole number")
        }
        return number
    }
}
