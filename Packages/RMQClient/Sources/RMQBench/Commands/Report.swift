import Glibc
import RMQCommon

/// Prints a line each second while a run goes on.
struct RateLine: Sendable {
    let what: String
    let counter: Counter

    /// Until the task is cancelled.
    func run() async {
        let start = nanosecondsNow()
        var last = counter.value
        var lastTime = start
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            let now = nanosecondsNow()
            let count = counter.value
            let rate = Double(count - last) * 1e9 / Double(now - lastTime)
            print("\(Decimal.text(Double(now - start) / 1e9, places: 0)) s   \(Report.grouped(Int(rate))) \(what)/s   total \(Report.grouped(Int(count)))")
            fflush(nil)
            last = count
            lastTime = now
        }
    }
}

/// The figures at the end.
enum Report {
    /// - Parameter latency: in nanoseconds; what it measures is `latencyOf`.
    static func write(what: String, count: Int, failed: Int, firstFailure: String?, nanoseconds: Int64, latency: Histogram, latencyOf: String) {
        let seconds = Double(max(1, nanoseconds)) / 1e9
        print("\n\(grouped(count)) \(what) in \(Decimal.text(seconds, places: 2)) s: \(grouped(Int(Double(count) / seconds))) \(what)/s")
        if failed > 0 { print("\(grouped(failed)) not accepted; the first: \(firstFailure ?? "")") }
        writeHistogram(latency, latencyOf)
    }

    /// How much one pull brought, and how much all of them a second.
    static func writePulls(_ result: LoadResult, nanoseconds: Int64) {
        let pulls = Int(result.latency.count)
        guard pulls > 0 else { return }
        let messages = Decimal.text(Double(result.completed) / Double(pulls), places: 1)
        let megabytes = Decimal.text(Double(result.bytes) * 1000 / Double(max(1, nanoseconds)), places: 1)
        print("\(grouped(pulls)) pulls, each with \(messages) messages and \(grouped(result.bytes / pulls)) bytes on average: \(megabytes) MB/s")
        fflush(nil)
    }

    /// What a run cost this process.
    static func write(_ usage: ProcessUsage, messages: Int) {
        let microseconds = Decimal.text(Double(usage.processorNanoseconds) / 1000 / Double(max(1, messages)), places: 2)
        let megabytes = Decimal.text(Double(usage.mostResidentBytes) / 1_048_576, places: 1)
        print("\(microseconds) microseconds of processor time a message in this process, \(megabytes) MiB resident at most")
        fflush(nil)
    }

    /// What a client cost this process while nothing came.
    static func write(idle usage: ProcessUsage, nanoseconds: Int64, subscriptions: Int, queues: Int) {
        let percent = Decimal.text(Double(usage.processorNanoseconds) * 100 / Double(max(1, nanoseconds)), places: 2)
        let megabytes = Decimal.text(Double(usage.mostResidentBytes) / 1_048_576, places: 1)
        let seconds = Decimal.text(Double(nanoseconds) / 1e9, places: 0)
        print("idle with \(subscriptions) subscriptions, \(queues) queues, for \(seconds) s: \(percent) % of a core, \(megabytes) MiB resident at most")
        fflush(nil)
    }

    static func writeHistogram(_ latency: Histogram, _ latencyOf: String) {
        guard latency.count > 0 else { return }
        let columns: [(String, UInt64)] = [
            ("p50", latency.p50), ("p90", latency.p90), ("p99", latency.p99), ("p99.9", latency.p999), ("max", latency.maximum),
        ]
        print("\(latencyOf), in microseconds:  " + columns.map { "\($0.0) \(Decimal.text(Double($0.1) / 1000, places: 1))" }.joined(separator: "  "))
        fflush(nil)
    }

    /// 1234567 as `1,234,567`.
    static func grouped(_ number: Int) -> String {
        let digits = Array(String(number.magnitude).utf8)
        let groups = stride(from: digits.count, to: 0, by: -3).map { String(decoding: digits[max(0, $0 - 3) ..< $0], as: UTF8.self) }
        return (number < 0 ? "-" : "") + groups.reversed().joined(separator: ",")
    }
}

/// Where complaints go.
enum FailureOutput {
    static func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}
