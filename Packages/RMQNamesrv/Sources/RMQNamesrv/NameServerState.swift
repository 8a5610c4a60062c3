import RMQCommon
import RMQRemoting

/// What the handlers of all loops share: the parts of a name server, each with its own state, lock and file.
///
/// No two locks are ever held at once.
final class NameServerState: Sendable {
    let routes: Routes
    let keyValues: KeyValues
    let configuration: LiveConfiguration
    /// Changes files, one after the other: a loop must not wait for a disk.
    let files: WorkerPool
    /// Asked before every request; nil: everybody may do everything.
    let accessControl: (any AccessControl)?
    /// Where unknown topics are asked for, in cluster-test mode.
    let productEnvironment: ProductEnvironment?
    let logger: Logger

    /// A disk takes milliseconds for a change, and one peer can ask for thousands in that time. So many are some ten seconds of its
    /// work, which is as long as anybody waits for an answer.
    private static let fileChanges = 4_096
    private static let fileChangeBytes = 16 << 20

    init(
        configuration: NameServerConfiguration, accessControl: (any AccessControl)?, productEnvironment: ProductEnvironment?,
        clock: MonotonicClock, logger: Logger
    ) {
        routes = Routes(clock: clock, logger: logger)
        keyValues = KeyValues(path: configuration.kvConfigPath, logger: logger)
        self.configuration = LiveConfiguration(configuration, logger: logger)
        files = WorkerPool(name: "namesrv-files", threadLimit: 1, queueLimit: Self.fileChanges, byteLimit: Self.fileChangeBytes)
        self.accessControl = accessControl
        self.productEnvironment = productEnvironment
        self.logger = logger
    }
}
