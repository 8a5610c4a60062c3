public import RMQCommon
public import RMQRemoting
import Synchronization

/// Access control by account files, as RocketMQ's `plain_acl.yml` has it.
///
///     files ──look()──► AccountFiles ──► AccessRules ──check()──► allowed, or refused
///     requests 50, 51, 53 ──► the file is written again ──┘
///
/// A file that cannot be used changes nothing: the rules that were read before stay in force until it is put right. New rules take
/// the place of the old ones at once and as a whole.
public final class PlainAccessControl: AccessControl {
    /// How often to ``look()``: what is written is in force two looks later. The reference takes 5 s.
    public static let lookInterval = Duration.seconds(1)

    let logger: Logger
    let clock: WallClock
    private let requiresSignature: Bool
    /// Never held for longer than a copy takes.
    private let rules: Mutex<AccessRules>
    /// Moves on after each change of ``rules``: loops keep those that they took until then.
    private let changes = Atomic<UInt64>(1)
    /// Held by who reads or writes files: after it ``rules`` may be locked.
    let files: Mutex<AccountFiles>

    /// Reads all files; makes an empty main one where there is none.
    /// - Parameter requiresSignature: no white list frees from the signature, only from rights.
    /// - Throws: for the first file that cannot be used. A server must not start then.
    public init(
        _ places: AccountPlaces, requiresSignature: Bool = false, logger: Logger, clock: WallClock = .system
    ) throws(AccountFileError) {
        self.logger = logger
        self.clock = clock
        self.requiresSignature = requiresSignature
        let files = try AccountFiles(places, now: clock.now(), logger: logger)
        let rules = AccessRules(files.loaded, requiresSignature: requiresSignature)
        if rules.accountCount == 0 { logger.warning("\(places.main) has no account: access control refuses every request but those from white-listed addresses") }
        self.rules = Mutex(rules)
        self.files = Mutex(files)
    }

    public func check(_ request: RemotingCommand, needing access: RequestAccess, from remote: HostAddress) throws {
        try currentRules.check(request, needing: access, from: remote)
    }

    public func forLoop() -> any LoopAccess { PlainLoopAccess(self) }

    /// Grows with each change of ``currentRules``.
    var version: UInt64 { changes.load(ordering: .acquiring) }
    var currentRules: AccessRules { rules.withLock { $0 } }

    /// Looks whether files changed, and takes over what they say. To be called every ``lookInterval``, by a thread that may block.
    ///
    /// A file is read once it has stayed the same from one look to the next, so that one that is being written is not read by halves.
    public func look() {
        files.withLock { files in
            if files.look(now: clock.now(), logger: logger) { use(files) }
        }
    }

    /// Puts what the files say in force.
    func use(_ files: AccountFiles) {
        let next = AccessRules(files.loaded, requiresSignature: requiresSignature)
        rules.withLock { $0 = next }
        changes.wrappingAdd(1, ordering: .acquiringAndReleasing)
        logger.info("access control has \(next.accountCount) accounts of \(files.loaded.count) files")
    }

    /// The version of the main file, and those of all files by their paths.
    public var versions: (main: DataVersion, files: [(path: String, version: DataVersion)]) {
        files.withLock { files in
            let all = files.versions
            return (all.first { $0.path.isExactly(files.places.main) }?.version ?? DataVersion(timestamp: 0), all)
        }
    }
}
