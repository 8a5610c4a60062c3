import Foundation
import RMQCommon
import RMQStore

/// Synchronous flush against what the disk itself can do.
struct SyncBench {
    private let run: BenchRun

    init(_ run: BenchRun) { self.run = run }

    func measure() throws(StoreError) {
        let length = run.isQuick ? 3.0 : 15.0
        let device = try deviceRate(seconds: length)
        let one = try rate(writers: 1, seconds: length)
        let many = try rate(writers: 64, seconds: length)
        report("synchronous flush: 1 writer \(grouped(one))/s, 64 writers \(grouped(many))/s; fdatasync of the device \(grouped(device))/s; "
            + "ratios \(text(one / device)) to the device, \(text(many / one)) for 64 writers")
    }

    /// Appends confirmed in a second by so many threads.
    private func rate(writers: Int, seconds: Double) throws(StoreError) -> Double {
        var configuration = run.configuration("sync-\(writers)", segmentBytes: 256 << 20)
        configuration.flush = .synchronous
        let store = try run.open(configuration)
        let confirmed = Counter()
        let done = DispatchSemaphore(value: 0)
        let start = MonotonicTime.nowNanoseconds()
        let end = start + UInt64(seconds * 1e9)
        for number in 0..<writers {
            Thread.detachNewThread {
                let appender = Appender(store, bodyBytes: 128)
                let queue = store.queueHandle(topic: "BenchTopic", queueId: Int32(number % 4))
                while MonotonicTime.nowNanoseconds() < end {
                    guard let outcome = try? store.appendAndWait(appender.draft(queue)), outcome.status == .ok else { break }
                    confirmed.add(1)
                }
                done.signal()
            }
        }
        for _ in 0..<writers { done.wait() }
        let took = Double(MonotonicTime.nowNanoseconds() - start) / 1e9
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
        let start = MonotonicTime.nowNanoseconds()
        let end = start + UInt64(seconds * 1e9)
        var count = 0
        while MonotonicTime.nowNanoseconds() < end {
            guard pwrite(descriptor, record, record.count, count * record.count % (60 << 20)) == record.count, fdatasync(descriptor) == 0 else {
                throw .system(call: "fdatasync", path: path, code: errno)
            }
            count += 1
        }
        return Double(count) / (Double(MonotonicTime.nowNanoseconds() - start) / 1e9)
    }
}
