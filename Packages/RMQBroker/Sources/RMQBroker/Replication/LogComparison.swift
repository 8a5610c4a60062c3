import RMQCommon
import RMQRemoting
import RMQStore

/// Whether a master's log goes on behind this one: asked before a slave follows, since the stream itself says nothing of it.
///
///     own log      r1 r2 r3 r4 r5 x6 x7      the last record, x7: the master has another one at its place, or none
///     the master   r1 r2 r3 r4 r5 y6 y7 y8   by halves: r5 is the same, x6 is not; so the logs part behind r5
///
/// The master is asked for records by their place (code 33), which every RocketMQ 4 serves, and the bytes are compared: they hold offsets,
/// times and the address of the broker that stored them, so the same bytes are the same message, and what comes before it is the same, too.
/// Blocks, and reads segments; not on a loop.
struct LogComparison {
    private static let patience: Duration = .seconds(3)

    let store: MessageStore
    let epochs: EpochTable
    let client: RemotingClient
    /// Of the master, for requests.
    let master: String
    /// Whether anybody waits for the verdict still: a comparison may ask hundreds of times, and others wait for their turn.
    let isWanted: @Sendable () -> Bool
    /// Where what is taken off the log is kept.
    let keeper: DivergedLog
    let logger: Logger

    /// Takes off what the master's log does not have, if that is sure to be of no use (``EpochTable/mayCut(own:master:at:)``).
    func run() -> LogVerdict {
        do {
            return try compare()
        } catch {
            return .unknown(reason: "whether the log of the master at \(master) goes on behind this one is not known: \(error)")
        }
    }

    private func compare() throws -> LogVerdict {
        guard let last = store.lastRecordOffset else { return try agree() }
        try dropFiller(behind: last)
        if try isSame(last) { return try agree() }
        let parting = try commonEnd()
        let end = store.maxPhysicalOffset
        guard let parting else {
            return .differs(
                reason: "its log (from \(store.minPhysicalOffset) to \(end)) and that of the master at \(master) have no record in common. "
                    + "If the master is the right one, let this slave begin with an empty store")
        }
        guard let table = try epochTable() else {
            return .differs(reason: "\(parted(parting, end)). The master does not say since when it is one, so nothing is taken off this log by itself. \(advice)")
        }
        guard EpochTable.mayCut(own: epochs.all, master: table, at: parting) else {
            return .differs(reason: "\(parted(parting, end)), and the master is not one that took over there. \(advice)")
        }
        // Answers may have taken long.
        try checkWanted()
        try keeper.cut(store, at: parting)
        return try agree(with: table)
    }

    /// A log that ends with a filler may have got it from a master that went no further, while the next one still had messages for that place.
    /// It comes again, if it is right.
    private func dropFiller(behind last: Int64) throws {
        guard let record = store.record(at: last) else { return }
        let end = last + Int64(record.bytes.count)
        if end < store.receivedOffset { try store.truncate(to: end) }
    }

    private func parted(_ parting: Int64, _ end: Int64) -> String {
        "its log and that of the master at \(master) are the same up to \(parting) only, and \(end - parting) bytes follow here that the master does not have"
    }

    private var advice: String { "If they are not needed, let this slave begin with an empty store" }

    /// The master's table is this log's as well.
    private func agree(with known: [BrokerEpoch]? = nil) throws -> LogVerdict {
        let table = try known ?? epochTable()
        try checkWanted()
        if let table { try epochs.replace(with: table) }
        // Other messages may come to the place of what was cut. Where a master was before, its own table has all topics.
        let end = store.maxPhysicalOffset
        try epochs.setTopicsOffset { min($0 ?? end, end) }
        return .agrees
    }

    private func checkWanted() throws {
        guard isWanted() else { throw Refusal(.systemBusy, "nobody wants to know any more") }
    }

    /// Nil when the master has no such thing.
    private func epochTable() throws -> [BrokerEpoch]? {
        let answer = try ask(RemotingCommand(.getBrokerEpochCache))
        switch answer.responseCode {
        case .success: return try BrokerEpochs(body: answer.body).epochs
        case .requestCodeNotSupported: return nil
        default: throw Refusal(answer.responseCode, answer.remark ?? "")
        }
    }

    /// Whether the master has the very record that begins here at `offset`.
    private func isSame(_ offset: Int64) throws -> Bool {
        guard let own = store.record(at: offset) else { return false }
        let answer = try ask(RemotingCommand(.viewMessageById, header: ViewMessageHeader(offset: offset)))
        switch answer.responseCode {
        case .success: return own.bytes.elementsEqual(answer.body)
        // There is no such record.
        case .systemError: return false
        default: throw Refusal(answer.responseCode, answer.remark ?? "")
        }
    }

    private func ask(_ command: RemotingCommand) throws -> RemotingCommand {
        try checkWanted()
        return try client.ask(command, at: master, timeout: Self.patience)
    }

    /// Where the last record ends that both have; nil when there is none.
    private func commonEnd() throws -> Int64? {
        for base in store.segmentOffsets.reversed() where try isSame(base) {
            let records = store.recordOffsets(from: base)
            // records[low] is the same; the one at `high`, if there is one, is not.
            var (low, high) = (0, records.count)
            while high - low > 1 {
                let middle = low + (high - low) / 2
                if try isSame(records[middle]) { low = middle } else { high = middle }
            }
            return store.record(at: records[low]).map { records[low] + Int64($0.bytes.count) }
        }
        return nil
    }
}
