internal import Glibc

/// What the kernel answered to a call that failed.
public struct SystemFailure: Error, Equatable, Sendable, CustomStringConvertible {
    public let call: String
    /// The errno.
    public let code: Int32
    /// What it was about: a path, an address. May be empty.
    public let subject: String

    public init(call: String, code: Int32, subject: String = "") {
        self.call = call
        self.code = code
        self.subject = subject
    }

    /// `open /tmp/x: No such file or directory (errno 2)`
    public var description: String { "\(call)\(subject.isEmpty ? "" : " ")\(subject): \(Self.reason(code))" }

    /// What an errno says: `No such file or directory (errno 2)`. Where rights are missing it names who lacks them.
    public static func reason(_ code: Int32) -> String {
        let reason = strerror(code).map { String(cString: $0) } ?? "unknown error"
        let isRight = code == EACCES || code == EPERM
        return "\(reason) (errno \(code)\(isRight ? ", as user \(userName)" : ""))"
    }

    private static var userName: String {
        var user = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var texts = [CChar](repeating: 0, count: 4096)
        let id = geteuid()
        guard getpwuid_r(id, &user, &texts, texts.count, &found) == 0, found != nil, let name = user.pw_name else { return "\(id)" }
        return String(cString: name)
    }

    public var isNotFound: Bool { code == ENOENT }
    public var isNoSpace: Bool { code == ENOSPC || code == EDQUOT }
}
