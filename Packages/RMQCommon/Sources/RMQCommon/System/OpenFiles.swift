internal import Glibc

/// How many files and sockets this process may have open.
public enum OpenFiles {
    /// The limit in force.
    public static var limit: Int { limits.map { Int(clamping: $0.rlim_cur) } ?? 1024 }

    /// Raises the limit as far as the system allows without privileges: a shell starts programs with 1,024, which a server
    /// outgrows with that many clients.
    public static func raiseLimit() {
        guard var limits, limits.rlim_cur < limits.rlim_max else { return }
        limits.rlim_cur = limits.rlim_max
        _ = setrlimit(numericCast(RLIMIT_NOFILE.rawValue), &limits)   // refused: the old limit goes on
    }

    private static var limits: rlimit? {
        var limits = rlimit()
        return getrlimit(numericCast(RLIMIT_NOFILE.rawValue), &limits) == 0 ? limits : nil
    }
}
