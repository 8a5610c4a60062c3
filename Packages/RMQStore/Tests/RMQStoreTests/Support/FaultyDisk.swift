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
        /// What a new name for a deleted queue's folder gets, the next time.
        var renameFault: Int32?
        /// What the removal of a deleted queue's file whose path contains this gets.
        var unlinkFailure: (path: String, code: Int32)?
        /// The checkpoints that were written.
        var checkpoints = 0
        /// Syncs of the log wait while this is set.
        var isHanging = false
        /// Somebody waits for a hanging sync.
        var isSomebodyHanging = false
        var logSyncs = 0
        /// What the next writes to the log get, one after the other; afterwards they go well.
        var writeFaults: [WriteFault] = []
        /// What the next writes of small files get, one after the other.
        var smallWriteFaults: [WriteFault] = []
        /// The writes to the log that went well, by offset, in their order.
        var writes: [Range<Int64>] = []
        /// How many threads write to the log at this moment, and the most that ever did.
        var writersNow = 0
        var mostWriters = 0
        /// What making a thread gets; asked on the thread that wants it.
        var threadFailure: (@Sendable () -> StoreError)?
        /// Up to where in the log a sync has reached.
        var syncedEnd: Int64 = 0
    }

    enum WriteFault {
        /// Only so many bytes are written.
        case short(Int)
        /// Nothing is.
        case error(Int32)
    }

    let behaviour = Monitor(Behaviour())

    var calls: DiskCalls {
        DiskCalls(
            synchronize: { [behaviour] file, range in
                let code = behaviour.wait { state -> Int32? in
                    let isLog = file.path.contains("commitlog")
                    state.isSomebodyHanging = isLog && state.isHanging
                    if state.isSomebodyHanging { return nil }
                    if isLog {
                        state.logSyncs += 1
                        state.syncedEnd = max(state.syncedEnd, file.baseOffset + Int64(range.upperBound))
                    }
                    guard let failure = state.syncFailure, file.path.contains(failure.path) else { return 0 }
                    return failure.code
                }
                return code == 0 ? DiskCalls.msync(file, range) : code ?? EIO
            },
            allocate: { [behaviour] path, descriptor, start, count in
                let failure = behaviour.withLock { $0.allocationFailure }
                if let failure, path.contains(failure.path) { return failure.code }
                return DiskCalls.fallocate(path, descriptor, start, count)
            },
            write: { [behaviour] file, descriptor, bytes, position in
                let fault = behaviour.withLock { state -> WriteFault? in
                    state.writersNow += 1
                    state.mostWriters = max(state.mostWriters, state.writersNow)
                    return state.writeFaults.isEmpty ? nil : state.writeFaults.removeFirst()
                }
                defer { behaviour.withLock { $0.writersNow -= 1 } }
                var count = bytes.count
                switch fault {
                case .error(let code): return -Int(code)
                case .short(let limit): count = min(count, limit)
                case nil: break
                }
                let written = DiskCalls.pwrite(file, descriptor, UnsafeRawBufferPointer(rebasing: bytes[..<count]), position)
                let start = file.baseOffset + Int64(position)
                behaviour.withLock { $0.writes.append(start..<start + Int64(written)) }
                return written
            },
            writeSmall: { [behaviour] path, descriptor, bytes, position in
                let fault = behaviour.withLock { state -> WriteFault? in
                    if path.hasSuffix("/checkpoint") { state.checkpoints += 1 }
                    return state.smallWriteFaults.isEmpty ? nil : state.smallWriteFaults.removeFirst()
                }
                if case .error(let code) = fault { return -Int(code) }
                let count = if case .short(let limit) = fault { min(limit, bytes.count) } else { bytes.count }
                return DiskCalls.pwriteSmall(path, descriptor, UnsafeRawBufferPointer(rebasing: bytes[..<count]), position)
            },
            rename: { [behaviour] path, target in
                let fault = behaviour.withLock { state in
                    defer { state.renameFault = nil }
                    return state.renameFault
                }
                return fault ?? DiskCalls.rename(path, target)
            },
            unlink: { [behaviour] path in
                let failure = behaviour.withLock { $0.unlinkFailure }
                if let failure, path.contains(failure.path) { return failure.code }
                return DiskCalls.unlink(path)
            },
            startThread: { [behaviour] (name, body) throws(StoreError) in
                if let failure = behaviour.withLock({ $0.threadFailure }) { throw failure() }
                return try SystemThread.starting(name, body)
            })
    }

    var writes: [Range<Int64>] { behaviour.withLock { $0.writes } }
    var logSyncs: Int { behaviour.withLock { $0.logSyncs } }
    func set(_ change: (inout Behaviour) -> Void) { behaviour.change(change) }
}

/// Keeps what is logged.
final class RecordingSink: LogSink {
    private let lines = Mutex<[String]>([])
    func write(_ record: LogRecord) { lines.withLock { $0.append("\(record.level) \(record.message)") } }
    func lines(containing text: String) -> [String] { lines.withLock { $0.filter { $0.contains(text) } } }
}
