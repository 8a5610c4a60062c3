import Glibc
import RMQCommon
import RMQStore

/// What many topics cost: 10,000 with 4 queues each, against one.
struct QueuesBench {
    private let run: BenchRun
    private var topics: Int { run.isQuick ? 1000 : 10_000 }
    private var messages: Int { run.isQuick ? 400_000 : 2_000_000 }
    private var logBytes: Int64 { run.isQuick ? 1 << 30 : 10 << 30 }

    init(_ run: BenchRun) { self.run = run }

    func measure() throws(StoreError) {
        let one = try run.open(run.configuration("one-topic"))
        let single = try rate(one, (0..<4).map { one.queueHandle(topic: "Topic", queueId: $0) })
        try one.close()

        let store = try run.open(run.configuration("many"))
        let before = residentBytes("VmRSS"), anonymousBefore = residentBytes("RssAnon")
        let handles = (0..<topics).flatMap { topic in (0..<4).map { store.queueHandle(topic: "Topic\(topic)", queueId: Int32($0)) } }
        let appender = Appender(store, bodyBytes: 128)
        let first = try seconds { () throws(StoreError) in
            for queue in handles { try appender.append(queue) }
        }
        report("first message of \(grouped(Double(handles.count))) queues: \(text(first)) s")
        let many = try rate(store, handles)
        report("append to \(grouped(Double(topics))) topics x 4 queues: \(grouped(many))/s; to one topic x 4: \(grouped(single))/s; ratio \(text(many / single))")
        report("memory while all are written: \((residentBytes("VmRSS") - before) / handles.count) B a queue, "
            + "of it \((residentBytes("RssAnon") - anonymousBefore) / handles.count) B anonymous")
        try fill(store, handles)
        let closing = try seconds { () throws(StoreError) in try store.close() }
        report("closing a store of \(text(Double(store.maxPhysicalOffset) / Double(1 << 30), 1)) GB: \(text(closing)) s")
    }

    private func rate(_ store: MessageStore, _ queues: [QueueHandle]) throws(StoreError) -> Double {
        let appender = Appender(store, bodyBytes: 128)
        for queue in queues { try appender.append(queue) }
        let took = try seconds { () throws(StoreError) in
            var index = 0
            for _ in 0..<messages {
                try appender.append(queues[index])
                // Neighbours in time are not neighbours in the table.
                index += 7919
                while index >= queues.count { index -= queues.count }
            }
        }
        return Double(messages) / took
    }

    private func fill(_ store: MessageStore, _ queues: [QueueHandle]) throws(StoreError) {
        let appender = Appender(store, bodyBytes: 4096)
        var index = 0
        while store.maxPhysicalOffset < logBytes {
            try appender.append(queues[index % queues.count])
            index += 1
        }
    }
}

/// Opens what ``QueuesBench`` left.
struct OpenBench {
    private let run: BenchRun

    init(_ run: BenchRun) { self.run = run }

    func measure() throws(StoreError) {
        let before = residentBytes("VmRSS"), anonymousBefore = residentBytes("RssAnon")
        var opened: MessageStore?
        let took = try seconds { () throws(StoreError) in opened = try run.open(run.configuration("many")) }
        guard let store = opened else { return }
        let queues = store.topics.reduce(0) { $0 + store.queueIds(of: $1).count }
        report("opening \(text(Double(store.maxPhysicalOffset) / Double(1 << 30), 1)) GB of log, \(grouped(Double(queues))) queues: \(text(took, 3)) s")
        if queues > 0 {
            report("memory of an idle queue: \((residentBytes("VmRSS") - before) / queues) B resident, of it "
                + "\((residentBytes("RssAnon") - anonymousBefore) / queues) B anonymous")
        }
        try store.close()
    }

    func appendForEver() throws(StoreError) {
        let store = try run.open(run.configuration("many"))
        let appender = Appender(store, bodyBytes: 1024)
        let topics = store.topics.sorted()
        report("appending")
        var index = 0
        while true {
            try appender.append(store.queueHandle(topic: topics[index % topics.count], queueId: Int32(index & 3)))
            index += 1
            if index % 1000 == 0 { usleep(5000) }
        }
    }
}
