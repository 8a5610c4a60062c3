import RMQCommon
import Synchronization

/// How many messages a second each group got of each topic, over the last minute: six spans of ten seconds, as at the reference.
final class ConsumeRates: Sendable {
    private struct Key: Hashable {
        let topic: ByteText
        let group: ByteText
    }

    private struct Sample {
        let time: Int64
        let count: Int64
    }

    static let sampleMilliseconds: Int64 = 10_000
    /// Both ends of six spans.
    private static let limit = 7

    private let samples = Mutex<[Key: [Sample]]>([:])

    /// Takes a sample. Pairs that are not in `progresses` any more are forgotten, as are those that never got a message.
    /// - Parameter now: in milliseconds; call this every ``sampleMilliseconds``.
    func add(_ progresses: [GroupProgress], now: Int64) {
        samples.withLock { samples in
            var next: [Key: [Sample]] = [:]
            for progress in progresses where progress.pulledCount > 0 {
                let key = Key(topic: ByteText(progress.topic), group: ByteText(progress.group))
                // Who comes anew began at zero within the span before.
                var kept = samples[key] ?? [Sample(time: now - Self.sampleMilliseconds, count: 0)]
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
            return Double(last.count - first.count) * 1_000 / Double(last.time - first.time)
        }
    }
}
