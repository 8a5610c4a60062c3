public import RMQCommon

/// A new, empty folder of one test, removed with everything in it when the last reference is gone.
public final class TemporaryFolder: Sendable {
    /// The folder, without a slash at its end.
    public let path: String

    public init() throws(SystemFailure) { path = try FileSystem.makeTemporaryDirectory(prefix: "rmq-test") }

    deinit { try? FileSystem.removeTree(path) }

    /// The path of something in the folder, whether it is there or not.
    public func sub(_ name: String) -> String { path + "/" + name }
}

/// Gives a new, empty folder to `body` and removes it with everything in it afterwards.
public func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = try TemporaryFolder()
    return try withExtendedLifetime(folder) { try body(folder.path) }
}

/// Gives a new, empty folder to `body` and removes it with everything in it afterwards.
public func withTemporaryFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let folder = try TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    return try await body(folder.path)
}
