/// Why the fields of a command do not make up the header that its code asks for.
public struct HeaderError: Error, Hashable, Sendable {
    /// What is wrong with the field.
    public enum Problem: Hashable, Sendable {
        case missing
        /// The text that came, and what would have been right: `a 32-bit integer`, `SINGLE_TAG or MULTI_TAG`.
        case malformed(value: String, expected: String)
    }

    /// The Swift type of the header, such as `PullMessageHeader`; empty until ``RemotingCommand/header(_:)`` fills it in.
    public var header: String
    /// The field's name on the wire.
    public var field: String
    /// Whether it is not there, or cannot be read.
    public var problem: Problem

    public init(header: String = "", field: String, problem: Problem) {
        self.header = header
        self.field = field
        self.problem = problem
    }
}

extension HeaderError: CustomStringConvertible {
    /// A sentence for a remark or a log line. A long value is cut: it came from a peer.
    public var description: String {
        let place = header.isEmpty ? "header field \(field)" : "field \(field) of \(header)"
        switch problem {
        case .missing: return "\(place) is missing"
        case .malformed(let value, let expected): return "\(place) is \"\(String(decoding: value.utf8.prefix(64), as: UTF8.self))\", not \(expected)"
        }
    }
}
