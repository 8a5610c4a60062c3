import Glibc
import RMQCommon

/// Where the account files are.
///
///     <home>/conf/acl/**/*.yml, *.yaml   in the order of their paths
///     <home>/conf/plain_acl.yml          the main one, last; new accounts are written to it
public struct AccountPlaces: Sendable {
    /// Folders inside of each other that are looked into; links may lead in a circle.
    static let folderDepthLimit = 8

    /// The path of the main file.
    public let main: String
    /// The folder of the further files.
    public let folder: String

    /// - Parameters:
    ///   - home: where the distribution is installed.
    ///   - file: the main file, below it.
    public init(home: String, file: String = "conf/plain_acl.yml") {
        var home = home
        while home.utf8.count > 1, let shorter = home.droppingByteSuffix("/") { home = shorter }
        main = home + "/" + (file.droppingBytePrefix("/") ?? file)
        folder = home + "/conf/acl"
    }

    /// Every account file that there is, the main one last.
    func files() throws(SystemFailure) -> [String] {
        try files(in: folder, depth: 1).filter { !$0.isExactly(main) } + (FileSystem.exists(main) ? [main] : [])
    }

    private func files(in folder: String, depth: Int) throws(SystemFailure) -> [String] {
        var found: [String] = []
        for name in try FileSystem.list(folder) {
            let path = folder + "/" + name
            if FileSystem.isDirectory(path) {
                if depth < Self.folderDepthLimit { found += try files(in: path, depth: depth + 1) }
            } else if name.hasByteSuffix(".yml") || name.hasByteSuffix(".yaml") {
                found.append(path)
            }
        }
        return found
    }

    /// Makes an empty main file, which its owner alone may read, where there is none.
    func makeMain() throws(SystemFailure) {
        let file = open(main, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            if errno == EEXIST { return }
            throw SystemFailure(call: "create", code: errno, subject: main)
        }
        close(file)
    }
}

/// Tells whether a file is another one than before.
struct FileStamp: Equatable {
    private let device: UInt64
    private let number: UInt64
    private let modified: [Int]
    let size: Int64

    /// Nil where there is no regular file.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        device = UInt64(status.st_dev)
        number = UInt64(status.st_ino)
        modified = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
        size = Int64(status.st_size)
    }
}
