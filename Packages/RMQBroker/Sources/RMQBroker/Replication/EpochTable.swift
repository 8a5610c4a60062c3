import RMQCommon
import RMQRemoting
import Synchronization

/// Which brokers wrote this log, one after the other: `config/epochs.json`.
///
///     { "epochs": [ { "epoch": 1, "startOffset": 0, "brokerAddr": "10.0.0.1:10911" },
///                   { "epoch": 2, "startOffset": 73216, "brokerAddr": "10.0.0.2:10911" } ],
///       "topicsOffset": 81920 }
///
/// A master adds itself before it takes the first message; slaves copy the table of the master that they follow. Two tables that part tell
/// where the logs may: a master that went away and comes back as a slave may have messages behind the start of an epoch that it never heard of,
/// and those were never confirmed by the next master.
final class EpochTable: Sendable {
    /// Masters that are remembered: with one each day, those of three years.
    static let limit = 1_000

    private let path: String
    private let logger: Logger
    private let content = Mutex(EpochFile())
    /// Held while the file is written.
    private let writing = Mutex(())

    init(path: String, logger: Logger) {
        self.path = path
        self.logger = logger
    }

    var all: [BrokerEpoch] { content.withLock { $0.epochs } }

    /// Of a slave: up to where its log has no topic that its master's table, when it was copied, did not have but for deleted ones. Nil at a
    /// master, whose table is its own.
    var topicsOffset: Int64? { content.withLock { $0.topicsOffset } }

    /// Reads the file, if there is one.
    func load() throws(BrokerError) {
        do {
            let found = try TableFile.load(path, logger: logger) { (file, _) throws in try EpochFile(json: .object(file)) }
            if let found { content.withLock { $0 = found } }
        } catch {
            throw .unreadableTable(path: path, reason: "\(error)")
        }
    }

    /// The broker at `address` is the master, and its log ends at `end`: a new epoch, unless it was the last master, too. The first one of all
    /// begins with the log.
    func begin(_ address: String, end: Int64) throws(SystemFailure) {
        var changed = all
        if changed.last.map({ $0.brokerAddress.isExactly(address) }) == true { return }
        changed.append(BrokerEpoch(epoch: (changed.last?.epoch ?? 0) + 1, startOffset: changed.isEmpty ? 0 : end, brokerAddress: address))
        try replace(with: changed)
    }

    /// Takes over the table of the master whose log this one is the beginning of.
    func replace(with epochs: [BrokerEpoch]) throws(SystemFailure) {
        let kept = epochs.suffix(Self.limit).map { BrokerEpoch(epoch: $0.epoch, startOffset: $0.startOffset, brokerAddress: $0.brokerAddress) }
        try change { $0.epochs = kept }
    }

    /// Sets ``topicsOffset`` to what `next` makes of it; nobody else does meanwhile.
    func setTopicsOffset(_ next: (Int64?) -> Int64?) throws(SystemFailure) { try change { $0.topicsOffset = next($0.topicsOffset) } }

    private func change(_ change: (inout EpochFile) -> Void) throws(SystemFailure) {
        try writing.withLock { (_) throws(SystemFailure) in
            let before = content.withLock { $0 }
            var file = before
            change(&file)
            guard file != before else { return }
            try SmallFile.replace(path, with: file.json.bytes(.pretty))
            content.withLock { [file] in $0 = file }
        }
    }

    /// As it is told, for a log that ends at `end`.
    func told(end: Int64) -> [BrokerEpoch] {
        var entries = all
        for index in entries.indices { entries[index].endOffset = index + 1 < entries.count ? entries[index + 1].startOffset : end }
        return entries
    }

    /// Whether what a log has behind `parting` may be taken off it, so that it goes on as its master's log.
    ///
    /// That is so when the master became one at or before that place, and this log does not know of it: its messages behind it came from
    /// a master that was over. Never when both went on as masters by themselves.
    static func mayCut(own: [BrokerEpoch], master: [BrokerEpoch], at parting: Int64) -> Bool {
        let known = Dictionary(master.map { ($0.epoch, $0) }) { $1 }
        // The oldest may be forgotten there.
        let agree = own.filter { $0.epoch >= master.first?.epoch ?? .max }.allSatisfy { own in
            known[own.epoch].map { $0.startOffset == own.startOffset && $0.brokerAddress.isExactly(own.brokerAddress) } ?? false
        }
        // A log without a table may have been written in the first epoch, whoever's that was.
        let last = own.last?.epoch ?? 1
        guard agree, let unknown = master.first(where: { $0.epoch > last }) else { return false }
        return parting >= unknown.startOffset
    }
}

/// The content of the file.
private struct EpochFile: JSONBody, Equatable {
    var epochs: [BrokerEpoch] = []
    var topicsOffset: Int64?

    mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("epochs", &epochs)
        try members.optional("topicsOffset", &topicsOffset)
    }
}
