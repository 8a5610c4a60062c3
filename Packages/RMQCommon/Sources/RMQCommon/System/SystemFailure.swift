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
    public var description: String {
        let reason = strerror(code).map { String(cString: $0) } ?? "unknown error"
        return "\(call)\(subject.isEmpty ? "" : " ")\(subject): \(reason) (errno \(code))"
    }

    public var isNotFound: Bool { code == ENOENT }
    public var isNoSpace: Bool { code == ENOSPC || code == EDQUOT }
}
