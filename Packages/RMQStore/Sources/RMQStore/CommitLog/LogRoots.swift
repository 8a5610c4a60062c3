import RMQCommon
import Synchronization

/// The directories that hold the commit log's files.
///
/// A new file goes to the writable roots in turn, by its number in the log; a root that is nearly full is left out while
/// another is not.
final class LogRoots: Sendable {
    /// Those that get new files, sorted.
    let writable: [String]
    /// Those that files are read from.
    let all: [String]
    private let skipped = Mutex<Set<ByteText>>([])

    init(_ configuration: StoreConfiguration) {
        let readOnly = Set<ByteText>(texts: configuration.readOnlyCommitLogDirectories)
        let given = Set<ByteText>(texts: configuration.commitLogDirectories)
        writable = given.subtracting(readOnly).sortedTexts
        all = given.union(readOnly).sortedTexts
    }

    func skip(_ roots: Set<ByteText>) {
        skipped.withLock { $0 = roots }
    }

    func directory(forSegmentAt offset: Int64, segmentBytes: Int) -> String {
        let skipped = skipped.withLock { $0 }
        let usable = writable.filter { !skipped.contains($0) }
        let candidates = usable.isEmpty ? writable : usable
        return candidates[Int(offset / Int64(segmentBytes)) % candidates.count]
    }

    /// Makes what may be made: the only root of a store, and all roots of a new one. A root that an existing store lacks is
    /// probably a disk that is not mounted; files made below its mount point would be lost when it is.
    func prepare(isNew: Bool) throws(StoreError) {
        for root in all where !StoreFiles.isDirectory(root) {
            guard writable.containsExactly(root), isNew || all.count == 1 else { throw .missingDirectory(path: root, key: key(of: root)) }
            try StoreFiles.makeDirectories(root)
        }
    }

    private func key(of root: String) -> String { writable.containsExactly(root) ? "storePathCommitLog" : "readOnlyCommitLogStorePaths" }
}
