import RMQClient
import RMQCommon
import RMQRemoting
import Synchronization

/// `tproducer`: transactions, without end. What is to become of each, and what its checks answer, is drawn beforehand and stands in its body.
enum BenchmarkTransactions {
    static let options: [BenchmarkOption] = [
        .topic, .nameServers, .trace, .acl, .accessKey, .secretKey,
        BenchmarkOption("w", "threadCount", "How many send at once, Default: 32"),
        BenchmarkOption("s", "messageSize", "Bytes of a body, Default: 2048"),
        BenchmarkOption("sr", "send rollback rate", "Which part is rolled back at once, Default: 0.0"),
        BenchmarkOption("su", "send unknown rate", "Which part is left for the broker to ask about, Default: 0.0"),
        BenchmarkOption("cr", "check rollback rate", "Which part of the questions is answered with a rollback, Default: 0.0"),
        BenchmarkOption("cu", "check unknown rate", "Which part of the questions stays open, Default: 0.0"),
        BenchmarkOption("b", "test batch id", "Marks the messages of this run, Default: the time"),
        BenchmarkOption("i", "send interval", "Milliseconds from a transaction to the next one, Default: 0"),
    ]

    static func run(_ words: BenchmarkWords) async throws {
        let senders = try words.number("w", default: 32, in: 1...4096)
        let size = max(TransactionPlan.byteCount, try words.number("s", default: 2048, in: 1...4 << 20))
        let pause = try words.number("i", default: 0, in: 0...86_400_000)
        let batch = Int64(try words.number("b", default: Int(WallClock.nowMilliseconds()), in: 0...Int.max))
        let sends = try Chances(rollback: words.rate("sr"), unknown: words.rate("su"))
        let answers = try Chances(rollback: words.rate("cr"), unknown: words.rate("cu"))
        let (topic, statistics, checks) = (words.topic, SendStatistics(), CheckStatistics(batch: batch))
        try await withRocketMQClient(words.client()) { client in
            let producer = try await client.makeTransactionProducer(group: "benchmark_transaction_producer") { checks.answer($0) }
            let line = Task { await EveryTenSeconds.run(sample: { statistics.sample }) { say(statistics, checks, $0, $1) } }
            defer { line.cancel() }
            let numbers = Numbers()
            await withTaskGroup { group in
                for _ in 0..<senders {
                    group.addTask {
                        while !Task.isCancelled {
                            let checked = (0..<TransactionPlan.checkCount).map { _ in answers.draw() }
                            let plan = TransactionPlan(batch: batch, id: numbers.next(), send: sends.draw(), checks: checked)
                            let message = Message(topic: topic, body: plan.body(size: size))
                            await statistics.count { () async throws(ClientError) in _ = try await producer.send(message) { _ in plan.send } }
                            if pause > 0 { try? await Task.sleep(for: .milliseconds(pause)) }
                        }
                    }
                }
            }
        }
    }

    private static func say(_ statistics: SendStatistics, _ checks: CheckStatistics, _ first: SendStatistics.Sample, _ last: SendStatistics.Sample) {
        let rates = last.rates(since: first)
        Benchmark.say(
            "Current Time: \(WallClock.nowMilliseconds()) Send TPS:\(Decimal.right("\(rates.requestsPerSecond)", 5)) "
                + "Max RT(ms):\(Decimal.right("\(statistics.longestMilliseconds)", 5)) AVG RT(ms):\(Decimal.text(rates.milliseconds, places: 1)) "
                + "Send Failed: \(last.sendsFailed + last.responsesFailed) check: \(checks.all.value) unexpectedCheck: \(checks.unexpected.value) "
                + "duplicatedCheck: \(checks.duplicated.value) ")
    }
}

/// How likely the outcomes of a transaction are; the rest is committed.
struct Chances: Sendable {
    let rollback: Double
    let unknown: Double

    func draw() -> TransactionDecision {
        let number = Double.random(in: 0..<1)
        return number < rollback ? .rollback : number < rollback + unknown ? .unknown : .commit
    }
}

/// What is to become of a transaction: the beginning of its message's body, as the reference's program has it.
///
///     0       8    16     17               37   big endian
///     +-------+----+------+----------------+
///     | batch | id | send | 20 checks      |     0 unknown, 1 rollback, 2 commit
///     +-------+----+------+----------------+
struct TransactionPlan: Equatable, Sendable {
    static let checkCount = 20
    static let byteCount = 17 + checkCount
    private static let order: [TransactionDecision] = [.unknown, .rollback, .commit]

    let batch: Int64
    let id: Int64
    let send: TransactionDecision
    let checks: [TransactionDecision]

    init(batch: Int64, id: Int64, send: TransactionDecision, checks: [TransactionDecision]) {
        (self.batch, self.id, self.send, self.checks) = (batch, id, send, checks)
    }

    /// Nil for a body that is none of this program's.
    init?(_ body: [UInt8]) {
        guard body.count >= Self.byteCount, body[16..<Self.byteCount].allSatisfy({ $0 < Self.order.count }) else { return nil }
        func number(at start: Int) -> Int64 { Int64(bitPattern: body[start..<start + 8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }) }
        let decisions = body[16..<Self.byteCount].map { Self.order[Int($0)] }
        self.init(batch: number(at: 0), id: number(at: 8), send: decisions[0], checks: Array(decisions.dropFirst()))
    }

    /// - Parameter size: at least ``byteCount``; zeros follow.
    func body(size: Int) -> [UInt8] {
        func bytes(_ number: Int64) -> [UInt8] { stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> $0) } }
        let decisions = ([send] + checks).map { UInt8(Self.order.firstIndex(of: $0) ?? 0) }
        let beginning = bytes(batch) + bytes(id) + decisions
        return beginning + [UInt8](repeating: 0, count: max(0, size - beginning.count))
    }
}

/// The broker's questions, and whether it should have asked.
final class CheckStatistics: Sendable {
    let all = Counter()
    /// Questions about a transaction whose end the broker was told before.
    let unexpected = Counter()
    /// The same question once more.
    let duplicated = Counter()
    private let batch: Int64
    /// How often was asked about each transaction.
    private let asked = Mutex<[Int64: Int]>([:])
    /// Transactions that are remembered, some 50 MB; then it begins anew, and a question that is asked twice may go unnoticed.
    private static let askedLimit = 1_000_000

    init(batch: Int64) { self.batch = batch }

    func answer(_ message: StoredMessage) -> TransactionDecision {
        // Of another run, which nobody waits for.
        guard let plan = TransactionPlan(message.body), plan.batch == batch else { return .rollback }
        all.add()
        let times = min(max(message.properties[PropertyName.transactionCheckTimes].flatMap { Int($0) } ?? 1, 1), TransactionPlan.checkCount)
        let before = asked.withLock { asked in
            if asked.count >= Self.askedLimit { asked = [:] }
            defer { asked[plan.id] = max(times, asked[plan.id] ?? 0) }
            return asked[plan.id] ?? 0
        }
        if before >= times { duplicated.add() }
        let told = ([plan.send] + plan.checks.prefix(times - 1)).first { $0 != .unknown }
        if told != nil { unexpected.add() }
        return told ?? plan.checks[times - 1]
    }
}
