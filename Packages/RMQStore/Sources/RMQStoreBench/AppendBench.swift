import CRMQSystem
import Glibc
import RMQCommon
import RMQStore

/// Appends from one thread, a wake-up's worth at a time, against a bare copy of the same encoded bytes into a mapped file.
///
/// Both files have their disk blocks allocated, and both are new: their pages come from the kernel. What a copy does into pages
/// that are there already is told beside it; no file that grows can.
struct AppendBench {
    /// What a busy loop finds in its sockets.
    private static let messagesPerWakeUp = 32
    private let run: BenchRun

    init(_ run: BenchRun) { self.run = run }

    func measure() throws(StoreError) {
        for bodyBytes in [128, 4096] {
            let bytes = run.isQuick ? 512 << 20 : 2 << 30
            let store = try run.open(run.configuration("append-\(bodyBytes)"))
            let appender = Appender(store, bodyBytes: bodyBytes)
            let queue = store.queueHandle(topic: "BenchTopic", queueId: 0)
            let recordBytes = try appender.append(queue).byteCount
            let count = bytes / recordBytes
            let took = try seconds { () throws(StoreError) in
                for _ in 0..<count / Self.messagesPerWakeUp { try appender.append(queue, count: Self.messagesPerWakeUp) }
            }
            try store.close()
            let rate = Double(count) / took
            let cold = try bareCopy(recordBytes, count, populates: false)
            let warm = try bareCopy(recordBytes, count, populates: true)
            let wanted = bodyBytes == 128 ? 0.6 : 0.7
            let isMet = rate >= wanted * cold || bodyBytes == 128 && rate >= 2_000_000
            report(
                "append of \(bodyBytes) B bodies, one thread", "\(grouped(rate))/s, \(text(rate / cold)) of a bare copy (\(grouped(cold))/s)",
                goal: bodyBytes == 128 ? "2,000,000/s or 0.60" : "0.70", isMet: isMet)
            report("  a copy into pages faulted in before", "\(grouped(warm))/s")
        }
    }

    /// Records a second.
    private func bareCopy(_ recordBytes: Int, _ count: Int, populates: Bool) throws(StoreError) -> Double {
        let path = run.directory + "/bare-copy"
        unlink(path)
        let fileBytes = recordBytes * count
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0, ftruncate(descriptor, fileBytes) == 0, crmq_fallocate(descriptor, 0, Int64(fileBytes)) == 0,
            let base = mmap(nil, fileBytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), base != MAP_FAILED
        else { throw .system(call: "mmap", path: path, code: errno) }
        defer {
            munmap(base, fileBytes)
            close(descriptor)
            unlink(path)
        }
        if populates { _ = crmq_populate_write(base, fileBytes) }
        let record = [UInt8](repeating: 7, count: recordBytes)
        let took = try seconds { () throws(StoreError) in
            record.withUnsafeBytes { record in
                for index in 0..<count { memcpy(base + index * recordBytes, record.baseAddress!, recordBytes) }
            }
        }
        return Double(count) / took
    }
}
