internal import Glibc

/// What the kernel answered to a call that failed.
public struct SystemFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// The system call, with its path where it has one.
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
        return "\(reason) (errno \(code)\(isRight ? ", as user \(UserRecord.current?.name ?? "\(geteuid())")" : ""))"
    }

    /// Nothing is there.
    public var isNotFound: Bool { code == ENOENT }
    /// The disk is full, or what this user may use of it.
    public var isNoSpace: Bool { code == ENOSPC || code == EDQUOT }
}
