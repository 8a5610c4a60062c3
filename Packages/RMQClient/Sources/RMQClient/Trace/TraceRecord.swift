import RMQCommon

/// Something that happened to messages, as the text of a trace message tells it: fields behind U+0001, records behind U+0002.
///
///     Pub             time  region  group  topic  id  tags  keys  broker  body bytes  cost  kind  offset id  success
///     SubBefore       time  region  group  request  id  retries  keys                           one for each message
///     SubAfter        request  id  cost  success  keys  outcome  time  group                    one for each message
///     EndTransaction  time  region  group  topic  id  tags  keys  broker  2  transaction  state  answers a check
///
/// For a hosted cluster SubAfter ends with the outcome. (The reference's encoder forgets the U+0002 behind it there, so that its own reader
/// takes several records for one; ours writes it, and readers know both lengths.)
///
/// Times are milliseconds since 1970, costs milliseconds. `request` is the same before and after one call of a handler. What is absent
/// is written `null`. A value: it reads no clock.
enum TraceRecord: Sendable {
    case sent(Sent)
    case consuming(Consuming)
    /// `isSuccess`: whether all of it is done with, also when that took too long.
    case consumed(Consuming, isSuccess: Bool, outcome: Outcome, cost: Int64, time: Int64)
    case transactionEnded(TransactionEnded)

    /// What kind of message was sent; the number that is written.
    enum Kind: Int, Sendable {
        case ordinary = 0
        case half = 1
        case ended = 2
        case delayed = 3
    }

    /// How a handler ended; the number that is written.
    enum Outcome: Int, Sendable {
        case success = 0
        case timedOut = 1
        case threw = 2
        /// A reference handler that returned nothing. Ours cannot.
        case returnedNothing = 3
        case failed = 4
    }

    /// A message, or a batch, that a broker took.
    struct Sent: Sendable {
        var time: Int64 = 0
        var region: String?
        var group = ""
        var topic = ""
        /// Of a batch all ids, joined with commas.
        var messageId = ""
        var tags: String?
        var keys: String?
        var brokerAddress = ""
        /// After compression.
        var bodyBytes = 0
        var cost: Int64 = 0
        var kind = Kind.ordinary
        var offsetMessageId = ""
        /// Whether it is as safe as the broker is configured to make it.
        var isSuccess = true
    }

    /// Messages that one call of a handler gets.
    struct Consuming: Sendable {
        struct Item: Sendable {
            var messageId: String
            var retries: Int32
            var keys: String?
        }

        var time: Int64
        var region: String?
        var group: String
        var requestId: String
        var items: [Item]
    }

    /// What a producer said of its transaction.
    struct TransactionEnded: Sendable {
        var time: Int64 = 0
        var region = "DefaultRegion"
        var group = ""
        var topic = ""
        var messageId = ""
        var tags: String?
        var keys: String?
        var brokerAddress = ""
        var transactionId: String?
        /// `COMMIT_MESSAGE`, `ROLLBACK_MESSAGE` or `UNKNOW`.
        var state = ""
        var answersCheck = false
    }
}

/// One record of a trace message.
struct TraceLine: Sendable {
    /// With the separator at its end.
    let text: [UInt8]
    /// What the record can be found by: the message's id first, then its keys.
    let keys: [String]
    /// Of the message's broker.
    let region: String?

    fileprivate init(_ fields: [String?], region: String?, messageId: String, keys: String?) {
        var text: [UInt8] = []
        text.reserveCapacity(fields.reduce(0) { $0 + ($1?.utf8.count ?? 4) + 1 })
        for (index, field) in fields.enumerated() {
            if index > 0 { text.append(1) }
            text.append(contentsOf: (field ?? "null").utf8)
        }
        text.append(2)
        self.text = text
        self.region = region
        self.keys = [messageId] + (keys?.split(ascii: PropertyName.keySeparator) ?? [])
    }
}

extension TraceRecord {
    /// The text of the record, a line for each message.
    func lines(for channel: AccessChannel = .local) -> [TraceLine] {
        switch self {
        case .sent(let sent): [sent.line]
        case .consuming(let consuming): consuming.items.map { consuming.line($0) }
        case .consumed(let consuming, let isSuccess, let outcome, let cost, let time):
            consuming.items.map { consuming.line($0, isSuccess, outcome, cost, channel == .local ? ["\(time)", consuming.group] : []) }
        case .transactionEnded(let ended): [ended.line]
        }
    }
}

extension TraceRecord.Sent {
    fileprivate var line: TraceLine {
        TraceLine(
            [
                "Pub", "\(time)", region, group, topic, messageId, tags, keys, brokerAddress, "\(bodyBytes)", "\(cost)", "\(kind.rawValue)",
                offsetMessageId, "\(isSuccess)",
            ], region: region, messageId: messageId, keys: keys)
    }
}

extension TraceRecord.Consuming {
    fileprivate func line(_ item: Item) -> TraceLine {
        TraceLine(
            ["SubBefore", "\(time)", region, group, requestId, item.messageId, "\(item.retries)", item.keys], region: region,
            messageId: item.messageId, keys: item.keys)
    }

    fileprivate func line(_ item: Item, _ isSuccess: Bool, _ outcome: TraceRecord.Outcome, _ cost: Int64, _ rest: [String]) -> TraceLine {
        TraceLine(
            ["SubAfter", requestId, item.messageId, "\(cost)", "\(isSuccess)", item.keys, "\(outcome.rawValue)"] + rest, region: region,
            messageId: item.messageId, keys: item.keys)
    }
}

extension TraceRecord.TransactionEnded {
    fileprivate var line: TraceLine {
        TraceLine(
            [
                "EndTransaction", "\(time)", region, group, topic, messageId, tags, keys, brokerAddress, "\(TraceRecord.Kind.ended.rawValue)",
                transactionId, state, "\(answersCheck)",
            ], region: region, messageId: messageId, keys: keys)
    }
}
