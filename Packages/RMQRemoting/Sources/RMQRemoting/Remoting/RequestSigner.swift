internal import RMQCommon

/// Signs requests for brokers with access control.
///
///     content    the values of all fields, by the order of their names, and then the body
///     Signature  base64(HMAC-SHA1(secret, content))
///
/// Code, flags, remark and the serialization are not signed. A field that is added later breaks the signature: signing comes last.
/// ``SendTemplate`` writes frames without a ``RemotingCommand``, and puts the content together by itself.
public struct RequestSigner: Sendable {
    /// The field with the name of the account.
    public static let accessKeyField = "AccessKey"
    static let securityTokenField = "SecurityToken"
    static let signatureField = "Signature"
    /// The reference's client signs it, and its broker leaves it out of what it compares: so none of the two may.
    private static let unsignedField = "_UNIQUE_KEY_QUERY"

    private let accessKey: String
    private let secret: [UInt8]
    private let securityToken: String?
    /// The values of the account's own fields: the first of every content, since all other names begin with a small letter or `_`.
    let accountValues: [UInt8]
    private let accountEntries: [UInt8]

    /// Nil where the system does not offer HMAC-SHA1.
    /// - Parameter securityToken: travels with each request; nil for none.
    public init?(accessKey: String, secretKey: String, securityToken: String? = nil) {
        guard MessageDigest.hmacSHA1([], key: Array(secretKey.utf8)) != nil else { return nil }
        self.accessKey = accessKey
        secret = Array(secretKey.utf8)
        let token = securityToken.flatMap { $0.isEmpty ? nil : $0 }
        self.securityToken = token
        accountValues = Array((accessKey + (token ?? "")).utf8)
        accountEntries = Self.entry(Self.accessKeyField, accessKey) + (token.map { Self.entry(Self.securityTokenField, $0) } ?? [])
    }

    private static func entry(_ name: String, _ value: String) -> [UInt8] {
        withUnsafeBytes(of: Int16(name.utf8.count).bigEndian, Array.init) + name.utf8
            + withUnsafeBytes(of: Int32(value.utf8.count).bigEndian, Array.init) + value.utf8
    }

    /// Adds the account and the signature, in place of what was there.
    public func sign(_ command: inout RemotingCommand) {
        var fields = command.fields ?? HeaderFields(minimumCapacity: 3)
        fields[Self.signatureField] = nil
        fields[Self.accessKeyField] = accessKey
        fields[Self.securityTokenField] = securityToken
        fields[Self.signatureField] = signature(of: fields, body: command.body)
        command.fields = fields
    }

    /// The signature of a request with these fields, ``sign(_:)``'s own among them, and this body.
    public func signature(of fields: HeaderFields, body: [UInt8]) -> String { signature(of: fields, body: body, leavingOut: Self.unsignedField) }

    /// Whether the request carries the signature of this account. Takes the same time wherever a wrong one differs.
    public func hasSigned(_ command: RemotingCommand) -> Bool {
        guard let fields = command.fields, let signature = fields[Self.signatureField] else { return false }
        if Self.isSame(signature, self.signature(of: fields, body: command.body)) { return true }
        // The reference's client signs the field that its broker leaves out, so that its queries by key are refused there.
        guard fields[Self.unsignedField] != nil else { return false }
        return Self.isSame(signature, self.signature(of: fields, body: command.body, leavingOut: nil))
    }

    private static func isSame(_ left: String, _ right: String) -> Bool { MessageDigest.isSame(Array(left.utf8), Array(right.utf8)) }

    private func signature(of fields: HeaderFields, body: [UInt8], leavingOut unsigned: String?) -> String {
        var content: [UInt8] = []
        content.reserveCapacity(body.count + 1_024)
        for field in Self.sorted(fields)
        where !field.name.isExactly(Self.signatureField) && unsigned.map(field.name.isExactly) != true {
            content.append(contentsOf: field.value.utf8)
        }
        content.append(contentsOf: body)
        return signature(ofContent: content)
    }

    /// The account's fields and a signature, as entries of a binary header.
    func entries(signature: String) -> [UInt8] { accountEntries + Self.entry(Self.signatureField, signature) }

    func signature(ofContent content: [UInt8]) -> String {
        // The system had it when the signer was made.
        return MessageDigest.hmacSHA1(content, key: secret).map { Base64.text($0) } ?? ""
    }
}

extension RequestSigner {
    /// By UTF-16, as Java compares names. Bytes give the same order but for what UTF-8 writes with a first byte from EE on, and faster.
    private static func sorted(_ fields: HeaderFields) -> [HeaderFields.Field] {
        if fields.contains(where: { $0.name.utf8.contains { $0 >= 0xEE } }) {
            return fields.sorted { $0.name.utf16.lexicographicallyPrecedes($1.name.utf16) }
        }
        return fields.sorted { $0.name.precedesByBytes($1.name) }
    }
}

// Neither what is printed nor what a debugger's dump walks over has the secret.
extension RequestSigner: CustomStringConvertible, CustomReflectable {
    public var description: String { "RequestSigner(\(accessKey))" }
    /// The name of the account alone.
    public var customMirror: Mirror { Mirror(self, children: ["accessKey": accessKey]) }
}
