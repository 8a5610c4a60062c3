import Glibc
import RMQCommon
import RMQStore
import Synchronization

/// How long single appends wait at a steady 100,000 a second, while segments of 256 MiB roll over and are written back.
struct TailBench {
    private let run: BenchRun
    private static let rate = 100_000
    private static let segmentBytes = 256 << 20

    init(_ run: BenchRun) { self.run = run }

    func measure(withColdReader: Bool) throws(StoreError) {
        let length = run.isQuick ? 10 : 60
        if withColdReader { try prepareCold() }
        let store = try run.open(run.configuration(withColdReader ? "cold" : "tail", segmentBytes: Self.segmentBytes))
        let appender = Appender(store, bodyBytes: 128)
        let queue = store.queueHandle(topic: "BenchTopic", queueId: 0)
        guard withColdReader else {
            let waits = try pace(appender, queue, seconds: length)
            report(
                "100,000 appends/s for \(length) s, rolling", Self.text(waits), goal: "p99.9 1 ms, max 10 ms",
                isMet: waits.p999 <= 1_000_000 && waits.maximum <= 10_000_000)
            return try store.close()
        }
        let calm = try pace(appender, queue, seconds: length / 2)
        let stop = Atomic<Bool>(false)
        let read = Atomic<Int>(0)
        guard let reader = SystemThread(name: "cold reader", { Self.drain(store, until: stop, read) }) else {
            throw .system(call: "pthread_create", path: run.directory, code: EAGAIN)
        }
        let disturbed = try pace(appender, queue, seconds: length / 2)
        stop.store(true, ordering: .relaxed)
        reader.join()
        let ratio = Double(disturbed.p99) / Double(max(1, calm.p99))
        report("100,000 appends/s beside a cold reader", "p99 x \(RMQStoreBench.text(ratio))", goal: "x 3", isMet: ratio <= 3)
        report("  alone", Self.text(calm))
        report("  with \(Decimal.text(Double(read.load(ordering: .relaxed)) / 1e9, places: 2)) GB read beside", Self.text(disturbed))
        try store.close()
    }

    private static func text(_ histogram: Histogram) -> String {
        func micro(_ nanoseconds: UInt64) -> String { Decimal.text(Double(nanoseconds) / 1000, places: 1) }
        return "p50 \(micro(histogram.p50)), p99 \(micro(histogram.p99)), p99.9 \(micro(histogram.p999)), p99.99 \(micro(histogram.p9999)), max \(micro(histogram.maximum)) µs"
    }

    /// Waits actively for each append's time: 10 µs apart, which no timer can keep.
    private func pace(_ appender: Appender, _ queue: QueueHandle, seconds: Int) throws(StoreError) -> Histogram {
        var histogram = Histogram()
        let step: Duration = .seconds(1) / Self.rate
        var due = MonotonicInstant.now
        for _ in 0..<seconds * Self.rate {
            due = due + step
            var now = MonotonicInstant.now
            while now < due { now = .now }
            try appender.append(queue)
            let end = MonotonicInstant.now
            histogram.record((end - now).nanoseconds)
            // Do not pile up what this program itself was late for.
            if end > due + .milliseconds(1) { due = end }
        }
        return histogram
    }

    private static func drain(_ store: MessageStore, until stop: borrowing Atomic<Bool>, _ total: borrowing Atomic<Int>) {
        let queue = store.queueHandle(topic: "Old", queueId: 0)
        let target = UnsafeMutableRawPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { target.deallocate() }
        var result = ReadResult()
        var offset: Int64 = 0
        while !stop.load(ordering: .relaxed), offset < queue.maxOffset {
            store.read(queue, offset: offset, maxCount: 32, into: &result)
            for chunk in result.chunks { memcpy(target, chunk.bytes.baseAddress!, min(chunk.bytes.count, 1 << 20)) }
            total.add(result.byteCount, ordering: .relaxed)
            offset = result.nextOffset
        }
    }

    /// Old messages that are on the disk and no longer in memory.
    private func prepareCold() throws(StoreError) {
        let configuration = run.configuration("cold", segmentBytes: Self.segmentBytes)
        do {
            let store = try run.open(configuration)
            let appender = Appender(store, bodyBytes: 4096)
            let queue = store.queueHandle(topic: "Old", queueId: 0)
            while store.maxPhysicalOffset < Int64(run.isQuick ? 1 : 8) << 30 { try appender.append(queue) }
            try store.close()
        }
        for name in try StoreFiles.names(in: configuration.commitLogDirectories[0]) {
            let descriptor = open(configuration.commitLogDirectories[0] + "/" + name, O_RDONLY)
            guard descriptor >= 0 else { continue }
            fsync(descriptor)
            posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
            close(descriptor)
        }
    }
}
