import RMQCommon
import RMQRemoting

/// What waits to be served at one moment, under the names of the reference's thread pools.
///
/// No request waits for a thread here. A send waits for the disk or a replica under synchronous durability, a pull for a worker that
/// reads from the disk, a query for one that answers administrators.
struct WaterMark {
    /// Some that wait in one order.
    struct Queue {
        var count = 0
        /// How long the first of them has waited.
        var headWait: Duration = .zero
    }

    let sends: Queue
    let pulls: Queue
    let queries: Queue
    /// Nothing waits there.
    let transactions = Queue()

    init(_ broker: BrokerState) {
        let now = broker.clocks.monotonic.now()
        sends = broker.statistics.waitingSends(now: now)
        pulls = Queue(broker.workers.readers)
        queries = Queue(broker.workers.administrators)
    }

    /// As the reference writes them every second.
    var lines: [String] {
        [("Send", sends), ("Pull", pulls), ("Query", queries), ("Transaction", transactions)].map { name, queue in
            "[WATERMARK] \(name) Queue Size: \(queue.count) SlowTimeMills: \(queue.headWait.milliseconds)"
        }
    }
}

extension WaterMark.Queue {
    fileprivate init(_ pool: WorkerPool) {
        let waiting = pool.waiting
        self.init(count: waiting.count, headWait: waiting.longest)
    }
}

/// Sends of one loop that wait, for other threads to look at. Set by the loop alone.
final class WaitingSends: Sendable {
    private let count = Gauge()
    /// Since when the first of them waits, in nanoseconds of the monotonic clock.
    private let since = Gauge()

    func set(_ count: Int, since: MonotonicInstant?) {
        self.since.set(since?.nanoseconds ?? 0)
        self.count.set(Int64(count))
    }

    func queue(now: MonotonicInstant) -> WaterMark.Queue {
        let count = Int(count.value)
        guard count > 0 else { return WaterMark.Queue() }
        return WaterMark.Queue(count: count, headWait: max(.zero, now - MonotonicInstant(nanoseconds: since.value)))
    }
}
