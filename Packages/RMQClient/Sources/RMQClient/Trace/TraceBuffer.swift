import RMQCommon

/// Trace records that wait to be sent, and when that is due. A value: it reads no clock and sends nothing.
///
///     idle ─ first record ─► timer runs ─ its end, or enough text ─► flushing ─ all is sent ─► idle
///
/// What comes while older records are on their way waits for the next round.
struct TraceBuffer: Sendable {
    /// Most records that wait; what comes then is dropped. The reference's number.
    static let mostRecords = 1_024
    /// Bytes of text that are sent without waiting for more. The reference's number.
    static let enoughBytes = 118_000
    /// How long the first record waits for others. The reference's number.
    static let longestWait = Duration.milliseconds(500)

    /// What its owner has to do next.
    enum Action: Equatable {
        case none
        /// Call ``timerEnded()`` after ``longestWait``.
        case startTimer
        /// ``take()`` and send until nothing is left.
        case flush
    }

    private var lines: [TraceLine] = []
    private var recordCount = 0
    private var byteCount = 0
    private var isTimerSet = false
    private var isFlushing = false
    /// Records that found no room since they were last asked for.
    private var dropped = 0

    mutating func add(_ record: TraceRecord, for channel: AccessChannel = .local) -> Action {
        guard recordCount < Self.mostRecords else {
            dropped += 1
            return .none
        }
        recordCount += 1
        for line in record.lines(for: channel) {
            lines.append(line)
            byteCount += line.text.count
        }
        return next()
    }

    mutating func timerEnded() -> Action {
        isTimerSet = false
        guard !lines.isEmpty, !isFlushing else { return .none }
        isFlushing = true
        return .flush
    }

    /// Everything that waits, and how many records were dropped; nil, and the end of the flush, when there is nothing.
    mutating func take() -> (lines: [TraceLine], dropped: Int)? {
        guard !lines.isEmpty else {
            isFlushing = false
            return nil
        }
        defer {
            lines = []
            recordCount = 0
            byteCount = 0
            dropped = 0
        }
        return (lines, dropped)
    }

    private mutating func next() -> Action {
        if isFlushing { return .none }
        if byteCount >= Self.enoughBytes {
            isFlushing = true
            return .flush
        }
        if isTimerSet || lines.isEmpty { return .none }
        isTimerSet = true
        return .startTimer
    }
}

/// The messages that carry trace records.
enum TraceMessage {
    /// Most bytes of text in one. The reference's number; a single record that is longer goes alone.
    static let mostTextBytes = 128_000
    /// Most bytes of keys in one, so that they and the message's own properties stay below what a broker takes.
    static let mostKeyBytes = 30_000

    /// As few messages as hold the lines, in their order. Each has the keys of its lines, each key once.
    static func pack(_ lines: [TraceLine], topic: String) -> [Message] {
        var messages: [Message] = []
        var text: [UInt8] = []
        var keys = Keys()

        func finish() {
            guard !text.isEmpty else { return }
            messages.append(Message(topic: topic, body: text, keys: keys.texts))
            text = []
            keys = Keys()
        }

        for line in lines {
            if text.count + line.text.count > mostTextBytes || !keys.mayAdd(line.keys) { finish() }
            text += line.text
            keys.add(line.keys)
        }
        finish()
        return messages
    }

    /// Keys of one message, bounded in bytes.
    private struct Keys {
        private(set) var texts: [String] = []
        private var known: Set<ByteText> = []
        private var byteCount = 0

        /// Whether there is room for all of them; an empty list takes what fits.
        func mayAdd(_ keys: [String]) -> Bool {
            texts.isEmpty || byteCount + keys.reduce(0) { $0 + $1.utf8.count + 1 } <= mostKeyBytes
        }

        mutating func add(_ keys: [String]) {
            for key in keys where byteCount + key.utf8.count < mostKeyBytes && known.insert(key).inserted {
                texts.append(key)
                byteCount += key.utf8.count + 1
            }
        }
    }
}
