import RMQCommon

/// How a producer avoids slow brokers, see ``ProducerConfiguration/faultAvoidance``.
///
/// Each answer counts: one that took long keeps its broker out of the choice of queues for a while, a failed try does so longest.
public struct FaultAvoidance: Sendable, Equatable {
    /// From which latency on a broker is avoided, and for how long.
    public struct Step: Sendable, Equatable {
        /// An answer that took as long, or longer, and less than that of the next step.
        public var latency: Duration
        /// How long the broker is avoided then.
        public var isolation: Duration

        public init(latency: Duration, isolation: Duration) {
            self.latency = latency
            self.isolation = isolation
        }
    }

    /// In the order of their latencies. Faster answers than the first one's isolate nobody.
    public var steps: [Step]

    public init(steps: [Step]) { self.steps = steps }

    /// The steps of the reference client: answers from half a second on isolate, for 30 s to 10 min.
    public static let standard = FaultAvoidance(steps: [
        Step(latency: .milliseconds(50), isolation: .zero), Step(latency: .milliseconds(100), isolation: .zero),
        Step(latency: .milliseconds(550), isolation: .seconds(30)), Step(latency: .seconds(1), isolation: .seconds(60)),
        Step(latency: .seconds(2), isolation: .seconds(120)), Step(latency: .seconds(3), isolation: .seconds(180)),
        Step(latency: .seconds(15), isolation: .seconds(600)),
    ])

    /// Whether latencies grow from step to step and nothing is negative.
    var isSound: Bool {
        zip(steps, steps.dropFirst()).allSatisfy { $0.latency < $1.latency } && steps.allSatisfy { $0.latency >= .zero && $0.isolation >= .zero }
    }

    fileprivate func isolation(after latency: Duration) -> Duration { steps.last { $0.latency <= latency }?.isolation ?? .zero }
}

/// How fast brokers answered, and until when which of them are avoided. A value: it reads no clock.
struct FaultTable: Sendable {
    /// As which latency a failed try counts.
    static let failureLatency = Duration.seconds(30)

    private struct Entry {
        var latency: Duration
        var availableAgain: MonotonicInstant
    }

    private let avoidance: FaultAvoidance
    private var entries: [ByteText: Entry] = [:]
    /// The turn of each topic.
    private var turns: [ByteText: UInt32] = [:]
    /// That of the brokers, when none is available.
    private var brokerTurn: UInt32 = 0
    private let start: UInt32

    /// - Parameter start: at which queue a topic begins; producers begin at different ones to spread the load.
    init(_ avoidance: FaultAvoidance, start: UInt32 = .random(in: 0...1000)) {
        self.avoidance = avoidance
        self.start = start
    }

    /// Notes how a try at `broker` went.
    mutating func note(_ broker: String, latency: Duration, isFailure: Bool, now: MonotonicInstant) {
        let isolation = avoidance.isolation(after: isFailure ? Self.failureLatency : latency)
        entries[broker] = Entry(latency: latency, availableAgain: now + isolation)
    }

    func isAvailable(_ broker: String, now: MonotonicInstant) -> Bool { entries[broker].map { $0.availableAgain <= now } ?? true }

    /// The place of the next queue in turn whose broker is available; when there is none, of a queue of one of the better brokers.
    /// - Parameter queues: of one topic, at least one.
    mutating func nextPlace(among queues: [MessageQueue], now: MonotonicInstant) -> Int {
        let topic = queues[0].topic
        let turn = turns[topic, default: start] &+ 1
        turns[topic] = turn
        let places = queues.indices.map { Int((turn &+ UInt32($0)) % UInt32(queues.count)) }
        if let place = places.first(where: { isAvailable(queues[$0].brokerName, now: now) }) {
            // The next one begins behind it, so that queues before those of a slow broker do not get its share.
            turns[topic] = UInt32(place)
            return place
        }
        guard let broker = leastBad(now) else { return places[0] }
        let its = places.filter { queues[$0].brokerName.isExactly(broker.text) }
        guard let place = its.first else {
            // It has no queue of this topic, or is gone.
            entries[broker] = nil
            return places[0]
        }
        return place
    }

    /// One of the better half of the brokers, in turn.
    private mutating func leastBad(_ now: MonotonicInstant) -> ByteText? {
        let sorted = entries.sorted { left, right in
            let (isLeftThere, isRightThere) = (left.value.availableAgain <= now, right.value.availableAgain <= now)
            if isLeftThere != isRightThere { return isLeftThere }
            if left.value.latency != right.value.latency { return left.value.latency < right.value.latency }
            if left.value.availableAgain != right.value.availableAgain { return left.value.availableAgain < right.value.availableAgain }
            return left.key < right.key
        }
        guard !sorted.isEmpty else { return nil }
        brokerTurn &+= 1
        return sorted[Int(brokerTurn % UInt32(max(1, sorted.count / 2)))].key
    }
}
