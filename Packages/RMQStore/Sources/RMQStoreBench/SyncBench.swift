import Glibc
import RMQCommon
import RMQStore

/// Synchronous flush against what the disk itself can do.
struct SyncBench {
    private let run: BenchRun

    init(_ run: BenchRun) { self.run = run }

    func measure() throws(StoreError) {
        let length = run.isQuick ? 3.0 : 10.0
        let device = try deviceRate(seconds: length)
        let one = try rate(writers: 1, seconds: length)
        let many = try rate(writers: 64, seconds: length)
        let inFlight = try rateInFlight(64, seconds: length)
        report(
            "synchronous flush, one writer", "\(grouped(one))/s, \(text(one / device)) of the device's fdatasync (\(grouped(device))/s)", goal: "0.80",
            isMet: one >= 0.8 * device)
        report("  64 threads that block", "\(grouped(many))/s, \(text(many / one, 1)) x one writer", goal: "10 x", isMet: many >= 10 * one)
        report("  64 in flight, as a broker's loop does it", "\(grouped(inFlight))/s, \(text(inFlight / one, 1)) x one writer", goal: "10 x", isMet: inFlight >= 10 * one)
    }

    /// Appends confirmed in a second, so many at a time, by one thread that is told how far things are.
    private func rateInFlight(_ depth: Int, seconds: Double) throws(StoreError) -> Double {
        var configuration = run.configuration("sync-in-flight", segmentBytes: 256 << 20)
        configuration.flush = .synchronous
        let store = try run.open(configuration)
        let moved = Latch()
        let follower = store.follow(.confirmed) { _ in moved.open() }
        var reached = store.confirmedOffset
        let appender = Appender(store, bodyBytes: 128)
        let queue = store.queueHandle(topic: "BenchTopic", queueId: 0)
        var ends: [Int64] = []
        var confirmed = 0
        let start = MonotonicInstant.now
        let end = start + .seconds(seconds)
        while MonotonicInstant.now < end {
            while ends.count < depth { ends.append(try appender.append(queue).end) }
            if follower.arm(beyond: reached) == .willCall { moved.wait() }
            reached = store.confirmedOffset
            let done = ends.prefix { $0 <= reached }.count
            ends.removeFirst(done)
            confirmed += done
        }
        let took = (MonotonicInstant.now - start) / .seconds(1)
        try store.close()
        return Double(confirmed) / took
    }

    /// Appends confirmed in a second by so many threads.
    private func rate(writers: Int, seconds: Double) throws(StoreError) -> Double {
        var configuration = run.configuration("sync-\(writers)", segmentBytes: 256 << 20)
        configuration.flush = .synchronous
        let store = try run.open(configuration)
        let confirmed = Counter()
        let start = MonotonicInstant.now
        let end = start + .seconds(seconds)
        let threads = (0..<writers).compactMap { number in
            SystemThread(name: "writer") {
                let appender = Appender(store, bodyBytes: 128)
                let queue = store.queueHandle(topic: "BenchTopic", queueId: Int32(number % 4))
                while MonotonicInstant.now < end {
                    guard let outcome = try? store.appendAndWait(appender.draft(queue)), outcome.status == .ok else { break }
                    confirmed.add(1)
                }
            }
        }
        for thread in threads { thread.join() }
        let took = (MonotonicInstant.now - start) / .seconds(1)
        try store.close()
        return Double(confirmed.value) / took
    }

    /// As many bytes as a record has, written one after the other into an allocated file, each with its own fdatasync.
    private func deviceRate(seconds: Double) throws(StoreError) -> Double {
        try StoreFiles.makeDirectories(run.directory)
        let path = run.directory + "/device"
        let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .system(call: "open", path: path, code: errno) }
        defer {
            close(descriptor)
            unlink(path)
        }
        // Written once, so that no block is new: what is measured is the sync of data, as in an allocated segment.
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        for _ in 0..<64 { guard write(descriptor, zeros, zeros.count) == zeros.count else { throw .system(call: "write", path: path, code: errno) } }
        fsync(descriptor)
        let record = [UInt8](repeating: 7, count: 290)
        let start = MonotonicInstant.now
        let end = start + .seconds(seconds)
        var count = 0
        while MonotonicInstant.now < end {
            guard pwrite(descriptor, record, record.count, count * record.count % (60 << 20)) == record.count, fdatasync(descriptor) == 0 else {
                throw .system(call: "fdatasync", path: path, code: errno)
            }
            count += 1
        }
        return Double(count) / ((MonotonicInstant.now - start) / .seconds(1))
    }
}
