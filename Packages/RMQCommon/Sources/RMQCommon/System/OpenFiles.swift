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

    /// A process that has a file open, as `process 1234 (mqbroker)`; nil when none can be seen: another user's, or one in another
    /// container.
    public static func holder(of path: String) -> String? {
        var wanted = stat()
        guard stat(path, &wanted) == 0, let processes = try? FileSystem.list("/proc") else { return nil }
        let own = "\(getpid())"
        for process in processes where !process.isExactly(own) && process.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            let folder = "/proc/\(process)/fd"
            let holds = (try? FileSystem.list(folder))?.contains { name in
                var status = stat()
                return stat(folder + "/" + name, &status) == 0 && status.st_dev == wanted.st_dev && status.st_ino == wanted.st_ino
            }
            guard holds == true else { continue }
            let name = (try? SmallFile.read("/proc/\(process)/comm")) ?? nil
            return "process \(process) (\(Configuration.trimmed(String(decoding: name ?? [], as: UTF8.self))))"
        }
        return nil
    }

    private static var limits: rlimit? {
        var limits = rlimit()
        return getrlimit(numericCast(RLIMIT_NOFILE.rawValue), &limits) == 0 ? limits : nil
    }
}
