internal import Dispatch
internal import Glibc
internal import Synchronization

/// The full files of one log: compressed one after the other, the newest is number 1.
///
///     otherdays/broker.full-7     waits here, a plain file; survives the process
///     otherdays/broker.1.log.gz   the newest compressed one
final class LogArchive: Sendable {
    let folder: String
    private let stem: String
    private let keptFiles: Int
    private let queue = DispatchQueue(label: "log-archive", qos: .utility)
    private let waitingFiles = Atomic<Int>(0)

    /// Read, compressed and written at once; each makes a member of its own in the gzip file, which readers join.
    private static let memberBytes = 1 << 20

    init(of path: String, in folder: String? = nil, keptFiles: Int) {
        self.folder = folder ?? FileSystem.parent(path) + "/otherdays"
        let name = path.split(ascii: "/").last ?? path
        stem = name.droppingByteSuffix(".log") ?? name
        self.keptFiles = keptFiles
    }

    /// Files that wait for compression.
    var waiting: Int { waitingFiles.load(ordering: .relaxed) }

    func waitingPath(_ number: Int) -> String { "\(folder)/\(stem).full-\(number)" }

    /// The numbers of the files that wait, oldest first. None in a folder that cannot be looked into: the log goes on without it.
    func waitingNumbers() -> [Int] {
        let prefix = "\(stem).full-"
        return ((try? FileSystem.list(folder)) ?? []).compactMap { $0.droppingBytePrefix(prefix).flatMap { Int($0) } }.sorted()
    }

    /// Takes up a file that waits.
    func add(_ number: Int) {
        waitingFiles.wrappingAdd(1, ordering: .relaxed)
        queue.async { [self] in
            // A disk that refuses: the plain file stays, and is taken up by the next process.
            try? compress(waitingPath(number))
            waitingFiles.wrappingSubtract(1, ordering: .relaxed)
        }
    }

    func finish() { queue.sync {} }

    private func compress(_ source: String) throws {
        if keptFiles > 0 {
            let unfinished = "\(folder)/\(stem).log.gz.tmp"
            try writeCompressed(source, to: unfinished)
            try makeRoom()
            try FileSystem.rename(unfinished, to: compressedPath(1))
        }
        try FileSystem.remove(source)
    }

    private func writeCompressed(_ source: String, to target: String) throws {
        let input = try Descriptor(opening: source, flags: O_RDONLY)
        let output = try Descriptor(opening: target, flags: O_WRONLY | O_CREAT | O_TRUNC)
        while true {
            let bytes = try input.read(upTo: Self.memberBytes)
            if bytes.isEmpty { break }
            try output.write(Gzip.compress(bytes))
        }
        try output.close()
    }

    /// Moves every compressed file on by one; the last is removed.
    private func makeRoom() throws(SystemFailure) {
        try FileSystem.remove(compressedPath(keptFiles))
        for number in stride(from: keptFiles - 1, through: 1, by: -1) where FileSystem.exists(compressedPath(number)) {
            try FileSystem.rename(compressedPath(number), to: compressedPath(number + 1))
        }
    }

    private func compressedPath(_ number: Int) -> String { "\(folder)/\(stem).\(number).log.gz" }
}
