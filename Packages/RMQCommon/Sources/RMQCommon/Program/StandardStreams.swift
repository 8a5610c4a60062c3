internal import Glibc

/// Descriptors 0, 1 and 2.
public enum StandardStreams {
    /// Opens `/dev/null` in place of each that the program was started without (`>&-`).
    ///
    /// Otherwise the next file that is opened gets the number, and what is meant for the console is written into it: into a
    /// store's file, say. Call it first in `main`.
    public static func openClosedOnes() {
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 && errno == EBADF {
            // The system hands out the lowest number that is free, which is this one.
            _ = open("/dev/null", descriptor == STDIN_FILENO ? O_RDONLY : O_WRONLY)
        }
    }
}
