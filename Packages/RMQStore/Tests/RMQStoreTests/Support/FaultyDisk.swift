import Glibc
import RMQCommon
@testable import RMQStore
import Synchronization

/// A disk that fails, fills up or hangs when told, for one store.
final class FaultyDisk: Sendable {
    struct Behaviour {
        /// What a sync of a file whose path contains this gets.
        var syncFailure: (path: String, code: Int32)?
        /// What allocating blocks for a file whose path contains this gets.
        var allocationFailure: (path: String, code: Int32)?
        /// Syncs of the log wait while this is set.
        var isHanging = false
        /// Somebody waits for a hanging sync.
        var isSomebodyHanging = false
        var logSyncs = 0
    }

    let behaviour = Monitor(Behaviour())

    var calls: DiskCalls {
        DiskCalls(
            synchronize: { [behaviour] file, range in
                let code = behaviour.wait { state -> Int32? in
                    let isLog = file.path.contains("commitlog")
                    state.isSomebodyHanging = isLog && state.isHanging
                    if state.isSomebodyHanging { return nil }
                    if isLog { state.logSyncs += 1 }
                    guard let failure = state.syncFailure, file.path.contains(failure.path) else { return 0 }
                    return failure.code
                }
                return code == 0 ? DiskCalls.msync(file, range) : code ?? EIO
            },
            allocate: { [behaviour] path, descriptor, start, count in
                let failure = behaviour.withLock { $0.allocationFailure }
                if let failure, path.contains(failure.path) { return failure.code }
                return DiskCalls.fallocate(path, descriptor, start, count)
            })
    }

    var logSyncs: Int { behaviour.withLock { $0.logSyncs } }
    func set(_ change: (inout Behaviour) -> Void) { behaviour.change(change) }
}

/// Keeps what is logged.
final class RecordingSink: LogSink {
    private let lines = Mutex<[String]>([])
    func write(_ record: LogRecord) { lines.withLock { $0.append("\(record.level) \(record.message)") } }
    func lines(containing text: String) -> [String] { lines.withLock { $0.filter { $0.contains(text) } } }
}
