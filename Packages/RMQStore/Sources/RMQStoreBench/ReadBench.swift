import Glibc
import RMQCommon
import RMQStore

/// A backlog read in order, every byte copied once, against a memcpy of the same files.
struct ReadBench {
    private let run: BenchRun

    init(_ run: BenchRun) { self.run = run }

    func measure() throws(StoreError) {
        for bodyBytes in [128, 1024, 4096] {
            let bytes: Int64 = run.isQuick ? 256 << 20 : 2 << 30
            let store = try run.open(run.configuration("read-\(bodyBytes)", segmentBytes: 256 << 20))
            let appender = Appender(store, bodyBytes: bodyBytes)
            let queue = store.queueHandle(topic: "BenchTopic", queueId: 0)
            while store.maxPhysicalOffset < bytes { try appender.append(queue) }
            // Each once before it counts: both find the files in memory.
            _ = try plainCopy(run.configuration("read-\(bodyBytes)").commitLogDirectories[0], bytes)
            let plain = try plainCopy(run.configuration("read-\(bodyBytes)").commitLogDirectories[0], bytes)
            _ = try drain(store, queue)
            let drained = try drain(store, queue)
            report(
                "reading a backlog of \(bodyBytes) B bodies", "\(text(drained / 1e9)) GB/s, \(text(drained / plain)) of a memcpy (\(text(plain / 1e9)) GB/s)",
                goal: "0.70", isMet: drained >= 0.7 * plain)
            try store.close()
        }
    }

    /// Bytes a second.
    private func drain(_ store: MessageStore, _ queue: QueueHandle) throws(StoreError) -> Double {
        let target = UnsafeMutableRawPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { target.deallocate() }
        var result = ReadResult()
        var offset: Int64 = 0
        var total = 0
        let took = try seconds { () throws(StoreError) in
            while offset < queue.maxOffset {
                store.read(queue, offset: offset, maxCount: 1024, into: &result)
                for chunk in result.chunks { memcpy(target, chunk.bytes.baseAddress!, min(chunk.bytes.count, 1 << 20)) }
                total += result.byteCount
                offset = result.nextOffset
            }
        }
        return Double(total) / took
    }

    private func plainCopy(_ directory: String, _ bytes: Int64) throws(StoreError) -> Double {
        let target = UnsafeMutableRawPointer.allocate(byteCount: 256 << 10, alignment: 64)
        defer { target.deallocate() }
        var total = 0
        var files: [MappedFile] = []
        for name in try StoreFiles.names(in: directory) { files.append(try MappedFile(reading: directory + "/" + name, baseOffset: 0)) }
        let took = try seconds { () throws(StoreError) in
            for file in files where total < Int(bytes) {
                // As much at a time as a pull takes.
                for start in stride(from: 0, to: file.byteCount, by: 256 << 10) { memcpy(target, file.base + start, min(256 << 10, file.byteCount - start)) }
                total += file.byteCount
            }
        }
        return Double(total) / took
    }
}
