import RMQCommon
import Synchronization

/// When one of the broker's files is written: once at a time, and what is asked for meanwhile becomes one more write.
final class FileTurn: Sendable {
    private struct Writing {
        /// Why the last write failed.
        var failure: String?
        var lasted = Duration.zero
        var isClosed = false
    }

    private enum Request {
        case none
        /// A write has not begun that will hold what was asked for.
        case waiting
        case underWay(isWantedAgain: Bool)
        /// There was too much to do.
        case refused
    }

    /// Held while the file is written, so that an older content never overwrites a newer one. Taken before the tables' locks.
    private let writing = Mutex(Writing())
    private let request = Mutex(Request.none)

    /// Writes with `body`, which says what it wrote and, if it could not, why; nil after ``close()``.
    func write<Written>(_ body: () -> (Written, failure: String?)) -> Written? {
        writing.withLock { writing in
            guard !writing.isClosed else { return nil }
            let began = MonotonicInstant.now
            let (written, failure) = body()
            writing.failure = failure
            writing.lasted = .now - began
            return written
        }
    }

    var failure: String? { writing.withLock { $0.failure } }
    /// How long the last write took.
    var lasted: Duration { writing.withLock { $0.lasted } }

    /// Nothing is written any more.
    func close() { writing.withLock { $0.isClosed = true } }

    // MARK: Writes that are asked for

    /// - Returns: whether the caller has to see to it; otherwise a write will come that holds what is asked for.
    func ask() -> Bool {
        request.withLock { request in
            switch request {
            case .none, .refused:
                request = .waiting
                return true
            case .waiting:
                return false
            case .underWay:
                request = .underWay(isWantedAgain: true)
                return false
            }
        }
    }

    func begin() { request.withLock { $0 = .underWay(isWantedAgain: false) } }

    /// - Returns: whether another write was asked for meanwhile, to which the caller has to see.
    func end() -> Bool {
        request.withLock { request in
            guard case .underWay(isWantedAgain: true) = request else {
                request = .none
                return false
            }
            request = .waiting
            return true
        }
    }

    func refuse() { request.withLock { $0 = .refused } }

    /// Whether a write was asked for that nobody will do; once for each.
    func takeRefused() -> Bool {
        request.withLock { request in
            guard case .refused = request else { return false }
            request = .none
            return true
        }
    }
}
