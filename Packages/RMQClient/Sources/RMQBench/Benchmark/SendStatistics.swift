import RMQClient
import RMQCommon
import Synchronization

/// What the senders of a benchmark program count, and what is said of it.
final class SendStatistics: Sendable {
    /// The counts at a moment.
    struct Sample {
        let nanoseconds = nanosecondsNow()
        let requests: Int64
        let messages: Int64
        /// Requests that reached no broker.
        let sendsFailed: Int64
        /// Requests that a broker refused.
        let responsesFailed: Int64
        let totalNanoseconds: Int64
    }

    private let requests = Counter()
    private let messages = Counter()
    private let sendsFailed = Counter()
    private let responsesFailed = Counter()
    private let totalNanoseconds = Counter()
    private let longest = Atomic<Int64>(0)
    private let hasFailed = Atomic<Bool>(false)

    var sample: Sample {
        Sample(
            requests: requests.value, messages: messages.value, sendsFailed: sendsFailed.value, responsesFailed: responsesFailed.value,
            totalNanoseconds: totalNanoseconds.value)
    }

    /// Milliseconds that the slowest request took.
    var longestMilliseconds: Int64 { longest.load(ordering: .relaxed) / 1_000_000 }

    /// Sends, and counts what comes of it. After a failure it waits a while: whoever refuses is not helped by more.
    /// - Returns: whether it went well.
    @discardableResult
    func count(messages count: Int = 1, _ send: () async throws(ClientError) -> Void) async -> Bool {
        let start = nanosecondsNow()
        do throws(ClientError) {
            try await send()
        } catch {
            (error.responseCode == nil ? sendsFailed : responsesFailed).add()
            if !hasFailed.exchange(true, ordering: .relaxed) { FailureOutput.write("mqbench: the first failure: \(error)\n") }
            try? await Task.sleep(for: .seconds(3))
            return false
        }
        let nanoseconds = nanosecondsNow() - start
        requests.add()
        messages.add(Int64(count))
        totalNanoseconds.add(nanoseconds)
        longest.max(nanoseconds, ordering: .relaxed)
        return true
    }
}

extension SendStatistics.Sample {
    /// Of the requests between two samples: how many a second, and milliseconds that one took on average.
    func rates(since first: Self) -> (requestsPerSecond: Int64, messagesPerSecond: Int64, milliseconds: Double) {
        let seconds = Double(max(1, nanoseconds - first.nanoseconds)) / 1e9
        let count = requests - first.requests
        let average = count == 0 ? 0 : Double(totalNanoseconds - first.totalNanoseconds) / Double(count) / 1e6
        return (Int64(Double(count) / seconds), Int64(Double(messages - first.messages) / seconds), average)
    }
}

/// 1, 2, 3 …, each for one of those who ask.
final class Numbers: Sendable {
    private let last = Atomic<Int64>(0)

    func next() -> Int64 { last.add(1, ordering: .relaxed).newValue }
}

/// Says something every ten seconds, of the ten seconds before.
enum EveryTenSeconds {
    /// Until the task is cancelled.
    /// - Parameter say: gets a sample of each second, the oldest and the newest of the last ten.
    static func run<Sample>(sample: () -> Sample, say: (_ first: Sample, _ last: Sample) -> Void) async {
        var samples = [sample()]
        var seconds = 0
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            samples.append(sample())
            if samples.count > 11 { samples.removeFirst() }
            seconds += 1
            if seconds % 10 == 0 { say(samples[0], samples[samples.count - 1]) }
        }
    }
}

extension Decimal {
    /// As the reference's `%7.3f`.
    static func rate(_ milliseconds: Double) -> String { right(text(milliseconds, places: 3), 7) }

    /// Blanks in front up to `width`.
    static func right(_ text: String, _ width: Int) -> String { String(repeating: " ", count: max(0, width - text.utf8.count)) + text }
}
