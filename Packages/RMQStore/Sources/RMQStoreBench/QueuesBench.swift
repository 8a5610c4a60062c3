import Glibc
import RMQCommon
import RMQStore

/// What many topics cost: 10,000 with 4 queues each, against one.
struct QueuesBench {
    private let run: BenchRun
    private var topics: Int { run.isQuick ? 1000 : 10_000 }
    private var messages: Int { run.isQuick ? 200_000 : 500_000 }
    private var logBytes: Int64 { run.isQuick ? 1 << 30 : 10 << 30 }

    init(_ run: BenchRun) { self.run = run }

    func measure() throws(StoreError) {
        let one = try run.open(run.configuration("one-topic"))
        let few = (0..<4).map { one.queueHandle(topic: "Topic", queueId: $0) }
        let store = try run.open(run.configuration("many"))
        let before = residentBytes("VmRSS"), anonymousBefore = residentBytes("RssAnon")
        let handles = (0..<topics).flatMap { topic in (0..<4).map { store.queueHandle(topic: "Topic\(topic)", queueId: Int32($0)) } }
        let appender = Appender(store, bodyBytes: 128)
        let first = try seconds { () throws(StoreError) in
            for queue in handles { try appender.append(queue) }
        }
        report("first message of \(grouped(Double(handles.count))) queues", "\(text(first)) s")
        // In turn, and the best of each: what the rest of the machine does meets both.
        var single = 0.0
        var many = 0.0
        for _ in 0..<5 {
            single = max(single, try rate(one, few))
            many = max(many, try rate(store, handles))
        }
        try one.close()
        report(
            "append to \(grouped(Double(topics))) topics x 4 queues", "\(grouped(many))/s, \(text(many / single)) of one topic x 4 (\(grouped(single))/s)",
            goal: "0.85", isMet: many >= 0.85 * single)
        report(
            "memory of a queue while all are written",
            "\((residentBytes("VmRSS") - before) / handles.count) B, \((residentBytes("RssAnon") - anonymousBefore) / handles.count) B anonymous")
        try fill(store, handles)
        let closing = try seconds { () throws(StoreError) in try store.close() }
        report("closing a store of \(text(Double(store.maxPhysicalOffset) / Double(1 << 30), 1)) GB", "\(text(closing)) s")
    }

    private func rate(_ store: MessageStore, _ queues: [QueueHandle]) throws(StoreError) -> Double {
        let appender = Appender(store, bodyBytes: 128)
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

    /// - Parameters:
    ///   - event: how the last run ended.
    ///   - limit: seconds that opening may take.
    func measure(after event: String, limit: Double?) throws(StoreError) {
        let before = residentBytes("RssAnon")
        var opened: MessageStore?
        let took = try seconds { () throws(StoreError) in opened = try run.open(run.configuration("many")) }
        guard let store = opened else { return }
        let queues = store.topics.reduce(0) { $0 + store.queueIds(of: $1).count }
        report(
            "opening \(text(Double(store.maxPhysicalOffset) / Double(1 << 30), 1)) GB, \(grouped(Double(queues))) queues, after \(event)", "\(text(took)) s",
            goal: limit.map { "\(text($0, 0)) s" } ?? "by the tail", isMet: limit.map { took <= $0 })
        guard queues > 0 else { return try store.close() }
        // Log and index are mapped, too; their pages are as many for one queue as for all of them.
        let anonymous = (residentBytes("RssAnon") - before) / queues
        let mapped = residentBytes(mappedFrom: "consumequeue") / queues
        report("  an idle queue, resident", "\(anonymous) B and \(mapped) B of its files", goal: "2,048 B", isMet: anonymous + mapped <= 2048)
        try store.close()
    }

    func appendForEver() throws(StoreError) {
        let store = try run.open(run.configuration("many"))
        let appender = Appender(store, bodyBytes: 1024)
        let topics = store.topics
        report("appending")
        var index = 0
        while true {
            try appender.append(store.queueHandle(topic: topics[index % topics.count], queueId: Int32(index & 3)))
            index += 1
            if index % 1000 == 0 { usleep(5000) }
        }
    }
}
