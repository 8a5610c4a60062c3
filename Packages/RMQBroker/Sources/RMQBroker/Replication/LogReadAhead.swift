import RMQCommon
import RMQRemoting
import RMQStore

/// Has what a slave wants of the log read into memory before it is sent, by a worker and a piece ahead: whoever touches what is on the disk only
/// waits for it, and on the replication loop every slave and every synchronous send would wait along. On that loop only.
///
///     log  ░░░░░░░▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▒▒▒▒▒▒▒▒▒▒▒▒░░░░░░░░░░░░░░░████████████
///                 ^ next           ^ loaded    ^ being read     ^ written lately: in memory anyway
final class LogReadAhead {
    /// When so little is left of what was read, the next piece is asked for: half of one, so the disk is never idle.
    private static let lowBytes: Int64 = 2 << 20

    private let store: MessageStore
    private let readers: WorkerPool
    private let loop: EventLoop
    /// Called when something came that ``available(from:)`` had not.
    private let arrived: () -> Void
    private var loaded: Range<Int64> = 0..<0
    private var isReading = false
    private var isWaitedFor = false

    init(_ store: MessageStore, readers: WorkerPool, loop: EventLoop, arrived: @escaping () -> Void) {
        self.store = store
        self.readers = readers
        self.loop = loop
        self.arrived = arrived
    }

    /// How many bytes from `offset` on can be read without waiting for the disk. When there are none, more is on its way.
    func available(from offset: Int64) -> Int {
        guard offset < store.recentOffset else { return .max }
        guard loaded.contains(offset) else {
            guard isReading || read(from: offset) else { return .max }
            isWaitedFor = true
            return 0
        }
        if loaded.upperBound - offset <= Self.lowBytes, !isReading, loaded.upperBound < store.recentOffset { read(from: loaded.upperBound) }
        return Int(loaded.upperBound - offset)
    }

    /// - Returns: false when no worker takes it: then the loop has to wait itself.
    @discardableResult
    private func read(from start: Int64) -> Bool {
        let bound = LoopBound(WeakOwner(self), loop: loop)
        isReading = readers.run { [store] in
            let end = store.readAhead(at: start)
            bound.post { $0.owner?.finished(start..<max(start, end)) }
        }
        return isReading
    }

    private func finished(_ piece: Range<Int64>) {
        isReading = false
        loaded = loaded.upperBound == piece.lowerBound ? loaded.lowerBound..<piece.upperBound : piece
        guard isWaitedFor else { return }
        isWaitedFor = false
        arrived()
    }

    /// What workers hold of it.
    private final class WeakOwner {
        weak var owner: LogReadAhead?
        init(_ owner: LogReadAhead) { self.owner = owner }
    }
}
