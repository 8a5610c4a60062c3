import RMQCommon
import RMQRemoting

/// What the handlers of all loops share: the parts of a name server, each with its own state, lock and file.
///
/// No two locks are ever held at once.
final class NameServerState: Sendable {
    let routes: Routes
    let keyValues: KeyValues
    let configuration: CommittedConfiguration
    /// Changes files, one after the other: a loop must not wait for a disk.
    let files: WorkerPool
    /// Asked before every request; nil: everybody may do everything.
    let accessControl: (any AccessControl)?
    /// Where unknown topics are asked for, in cluster-test mode.
    let productEnvironment: ProductEnvironment?
    let logger: Logger

    /// Changes that wait for a file. A disk takes milliseconds for a write, and one peer can ask for thousands of changes in that
    /// time. All that wait share a write (``GroupCommit``), so this bounds how long the answers of one write keep the thread.
    private static let fileChangeLimit = 4_096
    /// What those changes may hold together.
    private static let fileChangeByteLimit = 16 << 20

    init(
        configuration: NameServerConfiguration, accessControl: (any AccessControl)?, productEnvironment: ProductEnvironment?,
        clock: MonotonicClock, logger: Logger
    ) {
        routes = Routes(clock: clock, logger: logger)
        let files = WorkerPool(name: "namesrv-files", threadLimit: 1, queueLimit: Self.fileChangeLimit, byteLimit: Self.fileChangeByteLimit)
        keyValues = KeyValues(path: configuration.kvConfigPath, files: files, logger: logger)
        self.configuration = CommittedConfiguration(configuration, files: files, logger: logger)
        self.files = files
        self.accessControl = accessControl
        self.productEnvironment = productEnvironment
        self.logger = logger
    }
}
