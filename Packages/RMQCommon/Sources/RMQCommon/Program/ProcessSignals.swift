internal import CRMQSystem
internal import Glibc

/// Lets a program's main thread wait for the request to stop, as a value instead of a handler.
///
/// | signal | what it does |
/// |---|---|
/// | SIGTERM, SIGINT (Ctrl-C), SIGHUP (the terminal was closed) | asks the program to stop |
/// | the same again while it stops | nothing: the stop goes on and loses nothing |
/// | SIGQUIT (Ctrl-\\) | is told to the log; the program goes on, as a Java process does |
/// | SIGPIPE, SIGXFSZ | nothing: writing to what is closed, or beyond `ulimit -f`, is an error at that place |
///
/// A signal that the program was started with as ignored stays ignored: SIGHUP under `nohup`, SIGINT in the background of a
/// shell without job control.
public enum ProcessSignals {
    private static let termination = [SIGTERM, SIGINT, SIGHUP]

    /// Keeps the signals above for ``waitForTermination(onQuit:)``, and opens standard streams that are closed.
    ///
    /// Call it first in `main`: threads inherit the mask, and one that was started before would still die of the signal.
    public static func holdTermination() {
        StandardStreams.openClosedOnes()
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
        var set = heldSet
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Whether the program was asked to stop already: a long start looks now and then.
    public static var terminationIsPending: Bool {
        var pending = sigset_t()
        guard sigpending(&pending) == 0 else { return false }
        return heldTermination.contains { sigismember(&pending, $0) == 1 }
    }

    /// Blocks the calling thread until the program is asked to stop.
    /// - Parameter onQuit: called at each SIGQUIT meanwhile.
    /// - Returns: the name of the signal that asked, such as `SIGTERM`.
    public static func waitForTermination(onQuit: () -> Void = {}) -> String {
        var set = heldSet
        while true {
            var received: Int32 = 0
            guard sigwait(&set, &received) == 0 else { continue }
            switch received {
            case SIGQUIT: onQuit()
            case SIGINT: return "SIGINT"
            case SIGHUP: return "SIGHUP"
            default: return "SIGTERM"
            }
        }
    }

    /// An ignored signal that is blocked would still be handed to `sigwait`.
    private static var heldTermination: [Int32] { termination.filter { crmq_signal_is_ignored($0) == 0 } }

    private static var heldSet: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for number in heldTermination + [SIGQUIT] { sigaddset(&set, number) }
        return set
    }
}
