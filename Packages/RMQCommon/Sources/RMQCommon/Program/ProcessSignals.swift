internal import Glibc

/// Lets a program's main thread wait for the request to stop, as a value instead of a handler.
public enum ProcessSignals {
    /// Keeps SIGTERM and SIGINT for ``waitForTermination()``, and makes a closed socket an error instead of a signal.
    ///
    /// Call it first in `main`: threads inherit the mask, and one that was started before would still die of the signal.
    public static func holdTermination() {
        signal(SIGPIPE, SIG_IGN)
        var set = terminationSet
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Blocks the calling thread until SIGTERM or SIGINT arrives, and returns which.
    public static func waitForTermination() -> Int32 {
        var set = terminationSet
        var received: Int32 = 0
        while sigwait(&set, &received) != 0 {}
        return received
    }

    private static var terminationSet: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGINT)
        return set
    }
}
