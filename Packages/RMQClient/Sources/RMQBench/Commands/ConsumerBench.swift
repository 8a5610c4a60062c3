import RMQClient
import RMQCommon
import RMQRemoting
import Synchronization

/// `mqbench consumer`: a group's member that only counts.
enum ConsumerBench {
    /// How messages are handed over.
    enum Mode: String, CaseIterable, Sendable {
        case each, batch, ordered, poll
    }

    static func run(_ options: inout BenchOptions) async throws {
        let topic = options.text("topic", default: SystemTopic.benchmark)
        let group = options.text("group", default: "mqbench_consumer")
        let extent = try options.extent()
        // Without a number of messages to wait for, a silence is nothing special.
        let idleLimit = extent.messages == nil ? nil : Duration.seconds(try options.number("idle", default: 30, in: 1...86_400))
        let mode = try options.consumerMode()
        let batchSize = try options.number("batch", default: 32, in: 1...1024)
        let pullSize = Int32(try options.number("pull", default: 32, in: 1...1024))
        var configuration = options.client()
        configuration.headers = try options.serialization(usual: "binary")
        configuration.credentials = try options.account().map { Credentials(accessKey: $0.accessKey, secretKey: $0.secretKey) }
        try options.checkAllUsed()
        let tally = ConsumerTally(wanted: extent.messages.map(Int64.init) ?? .max)
        let usage = ProcessUsage()
        let (elapsed, wentSilent) = try await withRocketMQClient(configuration) { client in
            let member = try await makeMember(client, group: group, topic: topic, mode, batchSize: batchSize, pullSize: pullSize, tally)
            let live = Task { await RateLine(what: "messages", counter: tally.done).run() }
            let limit = Task {
                if let duration = extent.duration, (try? await Task.sleep(for: duration)) != nil { await member.close() }
            }
            let silence = Task {
                guard let idleLimit else { return false }
                await wait(for: idleLimit, without: tally.done)
                guard !Task.isCancelled else { return false }
                await member.close()
                return true
            }
            defer {
                live.cancel()
                limit.cancel()
                silence.cancel()
            }
            let start = nanosecondsNow()
            try await member.consume()
            let elapsed = nanosecondsNow() - start
            silence.cancel()
            return (elapsed, await silence.value)
        }
        Report.write(
            what: "messages", count: Int(tally.done.value), failed: 0, firstFailure: nil, nanoseconds: elapsed, latency: tally.ages,
            latencyOf: "born to consumed (milliseconds are the finest step, one message in \(ConsumerTally.sampling))")
        Report.write(usage.since(), messages: Int(tally.done.value))
        if let idleLimit, wentSilent {
            throw BenchError(
                "\(tally.done.value) of \(tally.wanted) messages came, then none for \(idleLimit.components.seconds) s (--idle); "
                    + "the group \(group) may have consumed the others before, or another member has the queues")
        }
    }

    /// A consumer of either kind.
    private struct Member {
        /// Returns when all that is wanted has come, or after `close`.
        let consume: @Sendable () async throws -> Void
        let close: @Sendable () async -> Void
    }

    private static func makeMember(
        _ client: RocketMQClient, group: String, topic: String, _ mode: Mode, batchSize: Int, pullSize: Int32, _ tally: ConsumerTally
    ) async throws -> Member {
        guard mode != .poll else { return try await makePollingMember(client, group: group, topic: topic, pullSize: pullSize, tally) }
        var settings = ConsumerConfiguration()
        settings.start = .first
        settings.rebalanceInterval = .seconds(2)
        settings.batchSize = batchSize
        settings.pullBatchSize = pullSize
        let consumer = try await client.makePushConsumer(group: group, settings)
        try await consumer.subscribe(to: topic)
        return Member(consume: { try await run(consumer, mode, tally) }, close: { await consumer.close() })
    }

    private static func run(_ consumer: PushConsumer, _ mode: Mode, _ tally: ConsumerTally) async throws {
        switch mode {
        case .each:
            try await consumer.run { message in
                if tally.count(message) { Task { await consumer.close() } }
                return .success
            }
        case .ordered:
            try await consumer.runOrdered { messages in
                if tally.count(messages) { Task { await consumer.close() } }
                return .success
            }
        case .batch, .poll:
            try await consumer.runBatches { messages in
                if tally.count(messages) { Task { await consumer.close() } }
                return .success
            }
        }
    }

    private static func makePollingMember(
        _ client: RocketMQClient, group: String, topic: String, pullSize: Int32, _ tally: ConsumerTally
    ) async throws -> Member {
        var settings = LitePullConfiguration()
        settings.start = .first
        settings.rebalanceInterval = .seconds(2)
        settings.pullBatchSize = pullSize
        let consumer = try await client.makeLitePullConsumer(group: group, settings)
        try await consumer.subscribe(to: topic)
        let poll: @Sendable () async throws -> Void = {
            do throws(ClientError) {
                while true {
                    let messages = try await consumer.poll()
                    guard !messages.isEmpty, tally.count(messages) else { continue }
                    return await consumer.close()
                }
            } catch where error.code == .closed {
                return
            }
        }
        return Member(consume: poll, close: { await consumer.close() })
    }

    /// Returns when nothing was counted for `limit`, or when the task is cancelled.
    private static func wait(for limit: Duration, without counter: Counter) async {
        var idle = IdleLimit(limit, now: nanosecondsNow())
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            if idle.isReached(count: counter.value, now: nanosecondsNow()) { return }
        }
    }
}

/// What came. Made to cost little: its own work counts as the consumer's.
private final class ConsumerTally: Sendable {
    /// Clocks and histograms see one message in so many.
    static let sampling: Int64 = 64

    let wanted: Int64
    let done = Counter()
    private let isComplete = Atomic<Bool>(false)
    private let latency = Mutex(Histogram())

    init(wanted: Int64) { self.wanted = wanted }

    var ages: Histogram { latency.withLock { $0 } }

    /// - Returns: true for the message that completes the number.
    func count(_ message: StoredMessage) -> Bool {
        if message.queueOffset % Self.sampling == 0 { record(message) }
        return counted(1)
    }

    func count(_ messages: [StoredMessage]) -> Bool {
        if let first = messages.first, first.queueOffset % Self.sampling < messages.count { record(first) }
        return counted(messages.count)
    }

    private func counted(_ count: Int) -> Bool {
        done.add(Int64(count))
        return done.value >= wanted && !isComplete.exchange(true, ordering: .relaxed)
    }

    private func record(_ message: StoredMessage) {
        let age = max(0, WallClock.nowMilliseconds() - message.bornTimestamp)
        latency.withLock { $0.record(age * 1_000_000) }
    }
}

extension BenchOptions {
    fileprivate mutating func consumerMode() throws(BenchError) -> ConsumerBench.Mode {
        let text = text("mode", default: ConsumerBench.Mode.each.rawValue)
        guard let mode = ConsumerBench.Mode.allCases.first(where: { $0.rawValue.isExactly(text) }) else {
            throw BenchError(misuse: "--mode is '\(text)', allowed are \(ConsumerBench.Mode.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return mode
    }
}
