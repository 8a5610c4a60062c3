import RMQCommon
import Synchronization

/// How many messages a second each group got of each topic, over the last minute: six spans of ten seconds, as at the reference.
final class ConsumeRates: Sendable {
    private struct Key: Hashable {
        let topic: ByteText
        let group: ByteText
    }

    private struct Sample {
        let time: MonotonicInstant
        let count: Int64
    }

    static let sampleInterval: Duration = .seconds(10)
    /// Both ends of six spans.
    private static let limit = 7

    private let samples = Mutex<[Key: [Sample]]>([:])

    /// Takes a sample. Pairs that are not in `progresses` any more are forgotten, as are those that never got a message.
    /// - Parameter now: call this every ``sampleInterval``.
    func add(_ progresses: [GroupProgress], now: MonotonicInstant) {
        samples.withLock { samples in
            var next: [Key: [Sample]] = [:]
            for progress in progresses where progress.pulledCount > 0 {
                let key = Key(topic: ByteText(progress.topic), group: ByteText(progress.group))
                // A consumer that is new since the last sample counts from zero.
                var kept = samples[key] ?? [Sample(time: now + (.zero - Self.sampleInterval), count: 0)]
                kept.append(Sample(time: now, count: progress.pulledCount))
                next[key] = kept.suffix(Self.limit)
            }
            samples = next
        }
    }

    func perSecond(group: String, topic: String) -> Double {
        samples.withLock { samples in
            guard let kept = samples[Key(topic: ByteText(topic), group: ByteText(group))], let first = kept.first, let last = kept.last, last.time > first.time
            else { return 0 }
            return Double(last.count - first.count) / ((last.time - first.time) / .seconds(1))
        }
    }
}
