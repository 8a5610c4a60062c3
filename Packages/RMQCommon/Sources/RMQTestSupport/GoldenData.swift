internal import RMQCommon
internal import Testing

/// The recordings of the reference and other files that tests read: `Tests/Golden` of the repository.
///
/// Whatever is not there, or is empty, is an error: a test without its data would pass and say nothing.
public enum GoldenData {
    /// Why a recording cannot be had: the test fails instead of passing without it.
    public enum Failure: Error, CustomStringConvertible {
        case missing(path: String)
        case empty(path: String)

        public var description: String {
            switch self {
            case .missing(let path): "\(path) is not there"
            case .empty(let path): "\(path) is empty"
            }
        }
    }

    /// Packages/RMQCommon/Sources/RMQTestSupport/GoldenData.swift is five steps below the root.
    private static let directory: String = {
        var root = #filePath
        for _ in 0..<5 { root = FileSystem.parent(root) }
        return root + "/Tests/Golden"
    }()

    /// The path of a file or folder.
    /// - Parameter name: below `Tests/Golden`, like `store-clean/config/topics.json`.
    public static func path(_ name: String) throws(Failure) -> String {
        let path = directory + "/" + name
        guard FileSystem.exists(path) else { throw .missing(path: path) }
        return path
    }

    /// The whole of a file below `Tests/Golden`.
    /// - Throws: when it is missing.
    public static func bytes(_ name: String) throws -> [UInt8] {
        let path = try path(name)
        guard let bytes = try SmallFile.read(path) else { throw Failure.missing(path: path) }
        guard !bytes.isEmpty else { throw Failure.empty(path: path) }
        return bytes
    }

    /// The file as UTF-8 text.
    public static func text(_ name: String) throws -> String { try #require(String(validating: bytes(name), as: UTF8.self)) }

    /// The lines of a file, without empty ones; at least one.
    public static func lines(_ name: String) throws -> [[UInt8]] {
        let lines = try bytes(name).split(separator: UInt8(ascii: "\n")).map { [UInt8]($0) }
        guard !lines.isEmpty else { throw Failure.empty(path: try path(name)) }
        return lines
    }

    /// The names in a folder, sorted; at least one.
    public static func names(in folder: String) throws -> [String] {
        let path = try path(folder)
        let names = try FileSystem.list(path)
        guard !names.isEmpty else { throw Failure.empty(path: path) }
        return names
    }
}
