public import RMQCommon

/// What the pulls of one consumer from one queue have in common, encoded once.
///
///     | length, head word, code … | opaque | … | group topic queueId | queueOffset | maxMsgNums | sysFlag commitOffset | the other fields |
///     '----------------------- head, numbers filled in -------------'   written    '- middle -'       written        '----- tail -----'
public final class PullTemplate: Sendable {
    /// What differs from pull to pull.
    public struct Place: Sendable, Hashable {
        /// The first offset that is wanted.
        public var offset: Int64
        /// The group's offset, which the broker stores; nil stores nothing.
        public var committed: Int64?

        public init(offset: Int64, committed: Int64? = nil) {
            self.offset = offset
            self.committed = committed
        }
    }

    private let header: PullMessageHeader
    /// A text is empty, which binary headers do not tell from one that is absent.
    let needsJSON: Bool
    private let head: [UInt8]
    private let middle: [UInt8]
    private let tail: [UInt8]

    /// - Parameter header: all fields but those of ``Place``, whose values there do not count.
    public init(_ header: PullMessageHeader) {
        var header = header
        header.flags.remove(.commitsOffset)
        self.header = header
        var command = RemotingCommand(.pullMessage, header: header)
        command.setSerialization(preferring: .rocketmq)
        needsJSON = command.serialization == .json
        (head, middle, tail) = Self.encoded(header)
    }

    /// The queue that is pulled from; its broker is the name that the header has.
    public var queue: MessageQueue { MessageQueue(topic: header.topic, brokerName: header.brokerName ?? "", queueId: header.queueId) }

    /// The whole request as a command, for a connection that speaks JSON and for all that does not go through a ``RemotingPeer``.
    public func command(_ place: Place) -> RemotingCommand {
        var header = header
        header.queueOffset = place.offset
        header.flags = flags(place)
        header.commitOffset = place.committed ?? 0
        return RemotingCommand(.pullMessage, header: header)
    }

    private func flags(_ place: Place) -> PullFlags { place.committed == nil ? header.flags : header.flags.union(.commitsOffset) }

    // MARK: Binary frames

    /// Bytes of the three entries that are written each time: names, lengths and the longest numbers.
    private static let writtenBytes = 3 * 6 + 11 + 20 + 7 + 11 + 12 + 20

    private static func encoded(_ header: PullMessageHeader) -> (head: [UInt8], middle: [UInt8], tail: [UInt8]) {
        var command = RemotingCommand(.pullMessage, header: header, serialization: .rocketmq)
        let fields = Array(command.fields ?? [:])
        func encoded(_ part: ArraySlice<HeaderFields.Field>) -> [UInt8] {
            command.fields = HeaderFields()
            for field in part { command.fields?.append(field.name, field.value) }
            return command.encoded()
        }
        func index(_ name: String) -> Int { fields.firstIndex { $0.name.isExactly(name) } ?? fields.count }
        let (offset, flags, commit) = (index("queueOffset"), index("sysFlag"), index("commitOffset"))
        precondition(offset < flags && commit == flags + 1 && commit < fields.count, "a pull's header shows its fields in this order")
        let start = BinaryFrame.fieldsStart
        return (encoded(fields[..<offset]), Array(encoded(fields[(offset + 1)..<flags])[start...]), Array(encoded(fields[(commit + 1)...])[start...]))
    }

    /// Lends the frame of a pull to `use`.
    func withFrame<Result>(_ number: Int32, _ place: Place, _ use: (UnsafeRawBufferPointer) -> Result) -> Result {
        let limit = head.count + middle.count + tail.count + Self.writtenBytes
        return withUnsafeTemporaryAllocation(byteCount: limit, alignment: 8) { memory in
            var cursor = FrameCursor(memory)
            cursor.put(head)
            cursor.put(bigEndian: number, at: BinaryFrame.opaquePlace)
            cursor.put(entry: "queueOffset", decimal: place.offset)
            cursor.put(middle)
            cursor.put(entry: "sysFlag", decimal: Int64(flags(place).rawValue))
            cursor.put(entry: "commitOffset", decimal: place.committed ?? 0)
            cursor.put(tail)
            cursor.put(bigEndian: Int32(truncatingIfNeeded: cursor.count - BinaryFrame.fieldsStart), at: BinaryFrame.fieldsLengthPlace)
            cursor.finish(.rocketmq, headerCount: cursor.count - 8, bodyCount: 0)
            return use(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[..<cursor.count]))
        }
    }
}

/// Where the numbers of a binary request are that has no remark, in bytes from the start of its frame.
enum BinaryFrame {
    static let opaquePlace = 13
    static let fieldsLengthPlace = 25
    /// Two length words and the fixed start of the header.
    static let fieldsStart = 29
}
