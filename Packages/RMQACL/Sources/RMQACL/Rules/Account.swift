import RMQCommon
import RMQRemoting

/// Who may ask, how he signs, and what he may do. Its secret is in the signer and nowhere else. An object, so that a look-up per request
/// counts one reference.
final class Account: Sendable, CustomStringConvertible {
    /// Names and secrets have more UTF-16 units than this.
    static let shortestLimit = 6

    let accessKey: String
    let signer: RequestSigner
    /// From where no signature is needed.
    let whiteAddresses: AddressPattern
    let isAdministrator: Bool
    let topicDefault: AccessPermission
    let groupDefault: AccessPermission
    /// By topic; a group is named by its retry topic.
    let permissions: [ByteText: AccessPermission]

    init(
        accessKey: String, signer: RequestSigner, whiteAddresses: AddressPattern, isAdministrator: Bool, topicDefault: AccessPermission,
        groupDefault: AccessPermission, permissions: [ByteText: AccessPermission]
    ) {
        self.accessKey = accessKey
        self.signer = signer
        self.whiteAddresses = whiteAddresses
        self.isAdministrator = isAdministrator
        self.topicDefault = topicDefault
        self.groupDefault = groupDefault
        self.permissions = permissions
    }

    var description: String { "Account(\(accessKey)\(isAdministrator ? ", administrator" : ""))" }

    static func isLongEnough(_ text: String) -> Bool { text.utf16.count > shortestLimit }

    /// What is missing for this right; nil when the account has it.
    func lacks(_ needed: ResourceRight) -> String? {
        let group = needed.topic.droppingBytePrefix(RetryTopic.prefix)
        let owned = permissions[needed.topic] ?? (group == nil ? topicDefault : groupDefault)
        guard !owned.allows(needed.right) else { return nil }
        return group.map { "group:\($0)" } ?? "topic:\(needed.topic)"
    }
}
