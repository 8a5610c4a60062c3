import Dispatch
import Synchronization

/// Changes of the server's files, one after the other on a queue of their own: a loop must not wait for a disk.
///
/// Bounded, because a disk takes milliseconds for each and one peer can ask for thousands in that time.
final class FileWork: Sendable {
    /// What a change counts at least: the memory that it holds while it waits.
    private static let leastBytes = 4096
    /// Four thousand small changes: some ten seconds of a disk's work, which is as long as anybody waits for an answer.
    private static let byteLimit = 16 * 1024 * 1024

    private let queue = DispatchQueue(label: "namesrv-files")
    private let waitingBytes = Atomic<Int>(0)

    /// Does `work` after what was handed over before it.
    /// - Parameter bytes: what the change brings along.
    /// - Throws: when too much waits already; then nothing is done.
    func add(bytes: Int, _ work: @escaping @Sendable () -> Void) throws(FileWorkError) {
        let counted = max(bytes, Self.leastBytes)
        guard waitingBytes.wrappingAdd(counted, ordering: .relaxed).newValue <= Self.byteLimit else {
            waitingBytes.wrappingSubtract(counted, ordering: .relaxed)
            throw .tooMuchWaits(limitBytes: Self.byteLimit)
        }
        queue.async { [self] in
            work()
            waitingBytes.wrappingSubtract(counted, ordering: .relaxed)
        }
    }

    /// Returns when everything handed over so far is done.
    func finish() { queue.sync {} }
}

/// Why a change of a file was not taken on.
enum FileWorkError: Error, Equatable, CustomStringConvertible {
    case tooMuchWaits(limitBytes: Int)

    var description: String {
        switch self {
        case .tooMuchWaits(let limit): "changes of \(limit) bytes wait for the disk, the limit; try again later"
        }
    }
}
