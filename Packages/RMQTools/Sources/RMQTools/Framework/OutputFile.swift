import Glibc
import RMQCommon

/// Files that a command writes for a person to look at, in folders that may be open to other users of the machine.
enum OutputFile {
    /// Puts a file there, in place of the one that is there; its folder is made if need be.
    ///
    /// At every moment the file is the old one or the new one, never a part. It keeps the permissions of the old one. What is no regular file is
    /// left alone: a link that somebody else put there would have another file replaced.
    static func write(_ bytes: [UInt8], to path: String) throws(SystemFailure) {
        let folder = FileSystem.parent(path)
        try FileSystem.makeDirectories(folder)
        let mode = try permissions(of: path)
        // A name that nobody can guess: who could, would keep the file from being made.
        let temporary = "\(folder)/.mqadmin-\(String(UInt64.random(in: .min ... .max), radix: 16))"
        let file = try Descriptor(opening: temporary, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
        do throws(SystemFailure) {
            if let mode { _ = fchmod(file.raw, mode) }
            try file.write(bytes)
            try file.sync()
            try file.close()
            try FileSystem.rename(temporary, to: path)
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// Whether a file is there that has something in it.
    static func isFilled(_ path: String) -> Bool { FileSystem.size(path).map { $0 > 0 } ?? false }

    /// Nil when there is no file yet.
    private static func permissions(of path: String) throws(SystemFailure) -> mode_t? {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return status.st_mode & 0o777
        case S_IFLNK: throw SystemFailure(call: "replace", code: ELOOP, subject: path)
        default: throw SystemFailure(call: "replace", code: EINVAL, subject: path)
        }
    }
}
