import RMQCommon
import RMQStore

/// The program `mqstore`: looks at a store directory while no broker has it open.
///
/// Everything but `rebuild` only reads: files are opened and mapped for reading, and no lock is taken.
public struct StoreTool: Sendable {
    private enum Command: String, CaseIterable {
        case inspect, verify, dump, rebuild
    }

    private let output: ToolOutput

    public init(output: ToolOutput) {
        self.output = output
    }

    /// - Parameter words: the words behind the program's name.
    /// - Returns: the exit status; `mqstore --help` lists them.
    public func run(_ words: [String]) -> Int32 {
        guard let name = words.first, !name.isExactly("help"), !words.containsExactly("--help"), !words.containsExactly("-h") else {
            output.write(Help.text + "\n")
            return words.isEmpty ? ExitStatus.usage : ExitStatus.fine
        }
        do throws(ToolError) {
            guard let command = Command(exactly: name) else {
                throw .usage("there is no command '\(name)'; the commands are \(Command.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            var options = try Options(words.dropFirst())
            switch command {
            case .inspect: return try InspectCommand(&options, output).run()
            case .verify: return try VerifyCommand(&options, output).run()
            case .dump: return try DumpCommand(&options, output).run()
            case .rebuild: return try RebuildCommand(&options, output).run()
            }
        } catch {
            output.writeError("mqstore: \(error)\n")
            return error.exitStatus
        }
    }
}

/// What a script may rely on.
enum ExitStatus {
    static let fine: Int32 = 0
    /// `verify` found damage.
    static let damaged: Int32 = 1
    static let usage: Int32 = 2
    /// It is no store, or cannot be read.
    static let unreadable: Int32 = 3
    /// `rebuild` needs the directory for itself.
    static let inUse: Int32 = 4
}

/// Why a command ended early.
enum ToolError: Error, CustomStringConvertible {
    case usage(String)
    case notAStore(String)
    case inUse(String)
    case store(StoreError)
    /// A rebuild that failed half way; `backup` holds what was there before.
    case rebuildFailed(StoreError, backup: String)

    var exitStatus: Int32 {
        switch self {
        case .usage: ExitStatus.usage
        case .notAStore, .store, .rebuildFailed: ExitStatus.unreadable
        case .inUse: ExitStatus.inUse
        }
    }

    var description: String {
        switch self {
        case .usage(let text): "\(text); see mqstore --help"
        case .notAStore(let path): "\(path) is no store: there is no folder 'commitlog' in it (--commit-log names one elsewhere)"
        case .inUse(let lock): "a broker uses the store: it holds the lock on \(lock); stop it first"
        case .store(let error): "\(error)"
        case .rebuildFailed(let error, let backup): "\(error); the files as they were are in \(backup)"
        }
    }
}
