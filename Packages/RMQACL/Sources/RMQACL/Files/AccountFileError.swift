public import RMQCommon

/// An account file that cannot be used: which one, where in it, and what may stand there. It quotes names, never a secret.
public struct AccountFileError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file.
    @ByteText public var path: String
    /// From 1 on; nil where the whole file is meant.
    public var line: Int?
    /// What is wrong, and what is allowed.
    @ByteText public var problem: String

    init(_ path: String, line: Int? = nil, _ problem: String) {
        self.path = path
        self.line = line
        self.problem = problem
    }

    public var description: String { line.map { "\(path), line \($0): \(problem)" } ?? "\(path): \(problem)" }
}
