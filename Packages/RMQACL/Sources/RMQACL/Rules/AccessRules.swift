import RMQCommon
import RMQRemoting

/// All accounts and white lists that count at one time: never changed, only replaced as a whole, so that no request meets half of two.
final class AccessRules: Sendable {
    private let whiteAddresses: [AddressPattern]
    private let accounts: [ByteText: Account]
    /// White lists free from rights only, not from a signature.
    private let requiresSignature: Bool

    /// - Parameter files: an account that several have is that of the first.
    init(_ files: [AccountFile], requiresSignature: Bool) {
        whiteAddresses = files.flatMap(\.whiteAddresses)
        accounts = Dictionary(files.flatMap(\.accounts).map { (ByteText($0.accessKey), $0) }) { first, _ in first }
        self.requiresSignature = requiresSignature
    }

    var accountCount: Int { accounts.count }

    /// The reference's checks in their order, with its texts.
    ///
    ///     white list of all ─► account ─► white list of the account ─► signature ─► traces ─► administrator ─► rights
    func check(_ request: RemotingCommand, needing access: RequestAccess, from remote: HostAddress) throws {
        let isWhite = isAdmitted(remote, by: whiteAddresses)
        if isWhite, !requiresSignature { return }
        guard let fields = request.fields, let accessKey = fields[RequestSigner.accessKeyField] else { throw Refusal.access("No accessKey is configured") }
        guard let account = accounts[accessKey] else { throw Refusal.access("No acl config for \(accessKey)") }
        let isTrusted = isWhite || isAdmitted(remote, by: account.whiteAddresses)
        if isTrusted, !requiresSignature { return }
        try checkSignature(of: request, fields, account)
        if isTrusted { return }
        switch access {
        case .account: return
        case .administrator:
            guard account.isAdministrator else {
                throw Refusal.access("Need admin permission for request code=\(request.code), but accessKey=\(accessKey) is not")
            }
        case .fields(let named): try checkRights(named.rights(of: request), account)
        case .rights(let find): try checkRights(find(request), account)
        }
    }

    /// Whether ``check(_:needing:from:)`` would let the request pass, as far as that is seen without decoding it. False says only that
    /// the check has to tell.
    func allows(_ request: InboundFrame, needing access: RequestAccess, from remote: HostAddress, _ memory: AccessMemory) -> Bool {
        let isWhite = isAdmitted(remote, by: whiteAddresses)
        if isWhite, !requiresSignature { return true }
        switch access {
        case .fields(let named):
            guard let signed = memory.reader.read(request, for: named) else { return false }
            if let account = memory.account(of: signed, code: request.code) { return account.signer.hasSigned(signed) }
            guard let account = signer(of: signed) else { return false }
            if isWhite || isAdmitted(remote, by: account.whiteAddresses) { return true }
            guard missing(named.rights(of: signed), account) == nil else { return false }
            memory.remember(account, signed, code: request.code)
            return true
        case .account, .administrator, .rights:
            guard let signed = memory.reader.read(request, for: nil), let account = signer(of: signed) else { return false }
            if isWhite || isAdmitted(remote, by: account.whiteAddresses) { return true }
            return switch access {
            case .account: true
            case .administrator: account.isAdministrator
            case .fields, .rights: false
            }
        }
    }

    /// Nil when the account does not exist or did not sign this.
    private func signer(of request: SignedRequest) -> Account? {
        guard let account = accounts[String(decoding: request.accessKey, as: UTF8.self)], account.signer.hasSigned(request) else { return nil }
        return account
    }

    /// Most lists are empty, and then the address need not be taken apart.
    private func isAdmitted(_ remote: HostAddress, by patterns: [AddressPattern]) -> Bool {
        guard patterns.contains(where: { $0 != .none }) else { return false }
        let address = IPAddress(remote)
        return patterns.contains { $0.matches(address) }
    }

    private func isAdmitted(_ remote: HostAddress, by pattern: AddressPattern) -> Bool {
        if case .none = pattern { return false }
        return pattern.matches(IPAddress(remote))
    }

    private func checkSignature(of request: RemotingCommand, _ fields: HeaderFields, _ account: Account) throws(Refusal) {
        guard account.signer.hasSigned(request) else { throw .access("Check signature failed for accessKey=\(account.accessKey)") }
        // Rights are asked for the last value of a name; another part of the server might read the first.
        if let name = fields.repeatedName { throw .access("The field \(name) stands twice in the request of accessKey=\(account.accessKey)") }
    }

    private func checkRights(_ needed: [ResourceRight], _ account: Account) throws(Refusal) {
        if let missing = missing(needed, account) { throw .access("No default permission for \(missing)") }
    }

    /// The first that the account has no right to; nil when it may all.
    private func missing(_ needed: [ResourceRight], _ account: Account) -> String? {
        // Whatever an account may not do: its clients' traces are taken.
        if needed.contains(where: { $0.right == .publish && $0.topic.isExactly(SystemTopic.trace) }) { return nil }
        if account.isAdministrator, account.permissions.isEmpty { return nil }
        for right in needed {
            if let missing = account.lacks(right) { return missing }
        }
        return nil
    }
}

extension Refusal {
    /// As the reference refuses, but for the line of its source that it adds. Clients are told no other code than SYSTEM_ERROR.
    static func access(_ text: String) -> Refusal { Refusal(.systemError, "org.apache.rocketmq.acl.common.AclException: \(text)") }
}

extension HeaderFields {
    /// A name that more than one field has; nil for none.
    fileprivate var repeatedName: String? {
        var names = Set<ByteText>(minimumCapacity: count)
        return first { !names.insert($0.name).inserted }?.name
    }
}
