public import RMQCommon

/// Something that happened to a message, as a message of the trace topic tells it. Records of the reference's clients, old ones too, and
/// those of ``Tracing``; the fields of each kind are drawn at `TraceRecord`.
public struct TraceEvent: Sendable {
    /// What happened. The raw values are the words of the records.
    public enum Kind: String, Sendable, CaseIterable {
        /// A producer sent it.
        case sent = "Pub"
        /// A consumer's handler was about to get it.
        case consuming = "SubBefore"
        /// The handler had ended.
        case consumed = "SubAfter"
        /// The producer said what becomes of its transaction.
        case transactionEnded = "EndTransaction"
    }

    /// What happened.
    public var kind: Kind
    /// The unique ids of the message; several for messages that were sent as one batch.
    public var messageIds: [String]
    /// Milliseconds since 1970; nil where the record does not tell, as in those of old and of hosted consumers that have ended.
    public var time: Int64?
    /// Of the producer or of the consumers; nil as with `time`.
    public var group: String?
    /// The address of the client that recorded it, without the port.
    public var clientHost: String
    /// What joins `consuming` and `consumed`; nil for the other kinds.
    public var requestId: String?
    /// Where it was sent; nil for what consumers recorded.
    public var topic: String?
    /// The message's tag; nil where there is none and for what consumers recorded.
    public var tags: String?
    /// The message's keys, with a space between them.
    public var keys: String?
    /// `host:port` of the broker that took the message.
    public var brokerAddress: String?
    /// Where it was stored; nil for all but `sent`, and for old clients.
    public var offsetMessageId: String?
    /// Milliseconds that the send, or the handler, took.
    public var cost: Int64?
    /// Whether it was stored as safely as wanted, or the handler was done with it.
    public var isSuccess: Bool?
    /// How often the message had been sent back when it was handed to a consumer.
    public var retries: Int32?
    /// Of the transaction that ended.
    public var transactionId: String?
    /// `COMMIT_MESSAGE`, `ROLLBACK_MESSAGE` or `UNKNOW`.
    public var transactionState: String?

    /// What the records of a trace message tell, in their order.
    ///
    /// A consumption that has ended takes time and group from its beginning, where that is in the same message and its own record lacks them.
    /// - Returns: the events, and how many records there were that could not be read.
    public static func events(in message: StoredMessage) -> (events: [TraceEvent], unreadable: Int) {
        var events: [TraceEvent] = [], unreadable = 0
        var begun: [ByteText: Int] = [:]
        for record in message.text.split(ascii: "\u{2}") {
            for fields in fieldLists(of: record) {
                guard var event = TraceEvent(fields, clientHost: message.bornHost.host) else {
                    unreadable += 1
                    continue
                }
                if let request = event.requestId.map({ ByteText($0) }) {
                    if event.kind == .consuming { begun[request] = events.count }
                    if event.kind == .consumed, let beginning = begun[request].map({ events[$0] }) {
                        event.time = event.time ?? beginning.time
                        event.group = event.group ?? beginning.group
                    }
                }
                events.append(event)
            }
        }
        return (events, unreadable)
    }

    /// The fields of a record. For hosted clusters the reference leaves out the end of a record of a consumption that has ended, so that
    /// several of them run together: the outcome of one, the seventh field, and the first field of the next are one.
    private static func fieldLists(of record: String) -> [[String]] {
        var records: [[String]] = []
        let fields = record.split(ascii: "\u{1}", keepingEmpty: true)
        guard fields[0].isExactly(Kind.consumed.rawValue) else { return [fields] }
        // Where the fields behind the first one of a record begin. An index, as a stranger can write a record of any length.
        var next = 1
        while fields.count > next + 6, let outcome = fields[next + 5].droppingByteSuffix(Kind.consumed.rawValue) {
            records.append([fields[0]] + fields[next..<next + 5] + [outcome])
            next += 6
        }
        return records + [[fields[0]] + fields[next...]]
    }

    /// Nil for what is no record, or lacks what every one of its kind has.
    private init?(_ fields: [String], clientHost: String) {
        func field(_ place: Int) -> String? { place < fields.count && !fields[place].isExactly("null") ? fields[place] : nil }
        func number(_ place: Int) -> Int64? { field(place).flatMap { Int64($0) } }
        func truth(_ place: Int) -> Bool? { field(place).map { $0.isExactlyIgnoringCase("true") } }
        guard let kind = Kind(exactly: fields[0]) else { return nil }
        self.kind = kind
        self.clientHost = clientHost
        messageIds = []
        switch kind {
        case .sent, .transactionEnded:
            guard fields.count >= 13, let time = number(1), let id = field(5) else { return nil }
            self.time = time
            (group, topic, tags, keys, brokerAddress) = (field(3), field(4), field(6), field(7), field(8))
            messageIds = id.split(ascii: ",")
            if kind == .transactionEnded {
                (transactionId, transactionState) = (field(10), field(11))
            } else {
                guard let cost = number(10) else { return nil }
                self.cost = cost
                // Old clients do not write the offset id.
                offsetMessageId = fields.count > 13 ? field(12) : nil
                isSuccess = truth(fields.count > 13 ? 13 : 12)
            }
        case .consuming:
            guard fields.count >= 7, let time = number(1), let id = field(5) else { return nil }
            self.time = time
            (group, requestId, keys) = (field(3), field(4), field(7))
            messageIds = [id]
            retries = field(6).flatMap { Int32($0) }
        case .consumed:
            guard fields.count >= 5, let id = field(2), let cost = number(3) else { return nil }
            (requestId, keys, time, group) = (field(1), field(5), number(7), field(8))
            messageIds = [id]
            self.cost = cost
            isSuccess = truth(4)
        }
    }
}
