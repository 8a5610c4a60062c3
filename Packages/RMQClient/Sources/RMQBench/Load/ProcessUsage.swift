import Glibc

/// What this process has used of the machine since a moment.
struct ProcessUsage {
    /// Processor time of all threads, in nanoseconds.
    let processorNanoseconds: Int64
    /// The most memory that was resident at any time, in bytes.
    let mostResidentBytes: Int64

    /// Since the process began.
    init() {
        var usage = rusage()
        // Cannot fail: the process asks about itself.
        getrusage(RUSAGE_SELF.rawValue, &usage)
        func nanoseconds(_ time: timeval) -> Int64 { Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_usec) * 1000 }
        processorNanoseconds = nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime)
        mostResidentBytes = Int64(usage.ru_maxrss) * 1024
    }

    private init(processorNanoseconds: Int64, mostResidentBytes: Int64) {
        self.processorNanoseconds = processorNanoseconds
        self.mostResidentBytes = mostResidentBytes
    }

    /// What was used from this moment until now.
    func since() -> ProcessUsage {
        let now = ProcessUsage()
        return ProcessUsage(processorNanoseconds: now.processorNanoseconds - processorNanoseconds, mostResidentBytes: now.mostResidentBytes)
    }
}
