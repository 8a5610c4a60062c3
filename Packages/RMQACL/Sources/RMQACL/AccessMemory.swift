import Glibc
import RMQCommon
import RMQRemoting

/// Which accounts may do what, as one loop found out under one set of rules: so that the next send to a topic makes no text of a name and
/// looks nothing up but this. It never remembers that somebody may not.
final class AccessMemory {
    /// An object, of which a look-up counts one reference.
    private final class Entry {
        let code: Int32
        /// The names of account, topic and group, one behind the other; a topic or a group that is absent is another one than any.
        let names: [UInt8]
        let accessKeyCount: Int
        let topicCount: Int?
        let groupCount: Int?
        let account: Account

        init(_ account: Account, _ request: SignedRequest, code: Int32) {
            self.code = code
            names = [UInt8](request.accessKey) + [UInt8](request.topic ?? .empty) + [UInt8](request.group ?? .empty)
            accessKeyCount = request.accessKey.count
            topicCount = request.topic?.count
            groupCount = request.group?.count
            self.account = account
        }

        func isOf(_ request: SignedRequest, code: Int32) -> Bool {
            guard self.code == code, accessKeyCount == request.accessKey.count, topicCount == request.topic?.count, groupCount == request.group?.count
            else { return false }
            return names.withUnsafeBytes { names in
                var rest = names[...]
                return Self.take(request.accessKey, from: &rest) && Self.take(request.topic, from: &rest) && Self.take(request.group, from: &rest)
            }
        }

        /// Whether the bytes come next, as many as there are of them.
        private static func take(_ part: UnsafeRawBufferPointer?, from rest: inout Slice<UnsafeRawBufferPointer>) -> Bool {
            guard let part, let start = part.baseAddress, part.count > 0 else { return true }
            defer { rest = rest.dropFirst(part.count) }
            return memcmp(UnsafeRawBufferPointer(rebasing: rest).baseAddress!, start, part.count) == 0
        }
    }

    /// Accounts times topics that a loop sees at once; one that takes the place of another costs that one a look-up.
    private static let slotCount = 1 << 10
    /// Names of one entry, of which a loop then keeps 1 MB at most; topics and groups have 127 and 255 characters.
    private static let nameByteLimit = 1_024

    let reader = SignedRequestReader()
    private var entries = [Entry?](repeating: nil, count: slotCount)

    /// To be called when other rules are in force.
    func forget() { entries = [Entry?](repeating: nil, count: Self.slotCount) }

    /// The account of the request, when it was remembered for a request of this code, topic and group; the signature is not looked at.
    func account(of request: SignedRequest, code: Int32) -> Account? {
        guard let entry = entries[Self.slot(request)], entry.isOf(request, code: code) else { return nil }
        return entry.account
    }

    /// Keeps that the account has the rights which the request needs.
    func remember(_ account: Account, _ request: SignedRequest, code: Int32) {
        guard request.accessKey.count + (request.topic?.count ?? 0) + (request.group?.count ?? 0) <= Self.nameByteLimit else { return }
        entries[Self.slot(request)] = Entry(account, request, code: code)
    }

    /// Only what accounts may do gets in, so who would crowd a slot has to be one.
    private static func slot(_ request: SignedRequest) -> Int {
        var hash = FNV1a()
        hash.add(request.accessKey)
        hash.add(request.topic ?? .empty)
        hash.add(request.group ?? .empty)
        return Int(truncatingIfNeeded: hash.value ^ (hash.value >> 29)) & (slotCount - 1)
    }
}

extension UnsafeRawBufferPointer {
    fileprivate static var empty: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }
}
