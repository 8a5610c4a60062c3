import Glibc
import RMQCommon

/// The exclusive hold on a store directory: a lock on the first byte of the file `lock`, as the reference takes it.
///
/// Taken for the open file, not for the process, so that a second store in the same process is refused too. It conflicts
/// with the reference's own lock in both directions. The kernel releases it when the process ends, however it ends.
package final class StoreLock: Sendable {
    private let descriptor: Int32

    init(path: String) throws(StoreError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .system(call: "open", path: path, code: errno) }
        let code = Self.set(descriptor, Int16(F_WRLCK))
        guard code == 0 else {
            close(descriptor)
            if code == EAGAIN || code == EACCES { throw .directoryInUse(lockFile: path, holder: OpenFiles.holder(of: path)) }
            throw .system(call: "fcntl", path: path, code: code)
        }
        let content: [UInt8] = Array("lock".utf8)
        _ = pwrite(descriptor, content, content.count, 0)
        self.descriptor = descriptor
    }

    /// Whether a process holds the lock of a directory, found out without taking it.
    package static func isHeld(path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var request = flock()
        request.l_type = Int16(F_WRLCK)
        request.l_whence = Int16(SEEK_SET)
        request.l_len = 1
        let getOpenFileLock: Int32 = 36  // F_OFD_GETLK, which the overlay lacks
        return fcntl(descriptor, getOpenFileLock, &request) == 0 && request.l_type != Int16(F_UNLCK)
    }

    /// Sets or takes away the lock; returns 0 or the errno.
    private static func set(_ descriptor: Int32, _ type: Int16) -> Int32 {
        var request = flock()
        request.l_type = type
        request.l_whence = Int16(SEEK_SET)
        request.l_start = 0
        request.l_len = 1
        let setOpenFileLock: Int32 = 37  // F_OFD_SETLK, which the overlay lacks
        return fcntl(descriptor, setOpenFileLock, &request) == 0 ? 0 : errno
    }

    deinit {
        // Closing is not enough while a child that this process is just starting has the descriptor, too.
        _ = Self.set(descriptor, Int16(F_UNLCK))
        close(descriptor)
    }
}
