internal import Glibc

/// Standard output and standard error, unbuffered: what is printed last before an exit must arrive.
public enum Console {
    /// Writes to standard output, without a line feed of its own.
    public static func write(_ text: String) { write(text, to: STDOUT_FILENO) }
    /// Writes to standard error, without a line feed of its own.
    public static func writeError(_ text: String) { write(text, to: STDERR_FILENO) }

    private static func write(_ text: String, to descriptor: Int32) {
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                if count < 0, errno == EAGAIN {   // a pipe that another program has made non-blocking
                    var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&room, 1, -1)
                    continue
                }
                guard count > 0 else { return }   // its reader is gone, and with it whom to tell
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }
}
