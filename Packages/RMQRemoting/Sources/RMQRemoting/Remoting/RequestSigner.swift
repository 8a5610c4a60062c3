public import RMQCommon

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
    private let key: HMACSHA1
    private let securityToken: String?
    /// The values of the account's own fields: the first of every content, since all other names begin with a small letter or `_`.
    let accountValues: [UInt8]
    /// The account's fields as entries of a binary header, up to the text of the signature.
    let entriesStart: [UInt8]

    /// Nil where the system does not offer HMAC-SHA1.
    /// - Parameter securityToken: travels with each request; nil for none.
    public init?(accessKey: String, secretKey: String, securityToken: String? = nil) {
        guard let key = HMACSHA1(key: Array(secretKey.utf8)) else { return nil }
        self.key = key
        self.accessKey = accessKey
        let token = securityToken.flatMap { $0.isEmpty ? nil : $0 }
        self.securityToken = token
        accountValues = Array((accessKey + (token ?? "")).utf8)
        entriesStart = Self.entry(Self.accessKeyField, Array(accessKey.utf8)) + (token.map { Self.entry(Self.securityTokenField, Array($0.utf8)) } ?? [])
            + Self.entry(Self.signatureField, valueCount: HMACSHA1.Text.count)
    }

    private static func entry(_ name: String, _ value: [UInt8]) -> [UInt8] { entry(name, valueCount: value.count) + value }

    /// Without the value itself.
    private static func entry(_ name: String, valueCount: Int) -> [UInt8] {
        withUnsafeBytes(of: Int16(name.utf8.count).bigEndian, Array.init) + name.utf8 + withUnsafeBytes(of: Int32(valueCount).bigEndian, Array.init)
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
    public func signature(of fields: HeaderFields, body: [UInt8]) -> String {
        key.text(of: content(fields, body, leavingOut: Self.unsignedField)).span.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }

    /// Whether the request carries the signature of this account. Takes the same time wherever a wrong one differs.
    public func hasSigned(_ command: RemotingCommand) -> Bool {
        guard let fields = command.fields, let signature = fields[Self.signatureField] else { return false }
        if isSignature(signature, content(fields, command.body, leavingOut: Self.unsignedField)) { return true }
        // The reference's client signs the field that its broker leaves out, so that its queries by key are refused there.
        guard fields[Self.unsignedField] != nil else { return false }
        return isSignature(signature, content(fields, command.body, leavingOut: nil))
    }

    /// The same of a request that lies in the read buffer.
    public func hasSigned(_ request: SignedRequest) -> Bool {
        var content = key.begin()
        content.add(request.values)
        content.add(request.body)
        return key.isSignature(request.signature, of: content)
    }

    private func isSignature(_ text: String, _ content: HMACSHA1.Content) -> Bool {
        var text = text
        return text.withUTF8 { key.isSignature(UnsafeRawBufferPointer($0), of: content) }
    }

    private func content(_ fields: HeaderFields, _ body: [UInt8], leavingOut unsigned: String?) -> HMACSHA1.Content {
        var values: [UInt8] = []
        values.reserveCapacity(1_024)
        for field in Self.sorted(fields)
        where !field.name.isExactly(Self.signatureField) && unsigned.map(field.name.isExactly) != true {
            values.append(contentsOf: field.value.utf8)
        }
        var content = key.begin()
        content.add(values)
        content.add(body)
        return content
    }

    /// Begins the content of a request whose fields are not in a command.
    public func begin() -> HMACSHA1.Content { key.begin() }

    /// The signature of that.
    public func signature(of content: consuming HMACSHA1.Content) -> HMACSHA1.Text { key.text(of: content) }
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
