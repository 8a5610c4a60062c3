import RMQCommon

/// What the sends of one producer to one queue have in common, encoded once.
///
///     | length, head word, code … | opaque | flag, remark, fields: length | a b c d e | f g h i | j k m n | body
///     '---------------------- head, three numbers filled in ----------------------'  written  '- tail -'
///
/// What is left for each send: system flag, birth time, flag and properties.
public final class SendTemplate: Sendable {
    /// What differs from send to send.
    public struct Message: Sendable {
        /// The flags that the system looks at: compression, transactions.
        public var systemFlag: Int32
        /// The client's clock in milliseconds since 1970.
        public var bornTimestamp: Int64
        /// The application's own number.
        public var flag: Int32
        /// The property text.
        public var properties: [UInt8]
        /// The content, a batch's entries included.
        public var body: [UInt8]

        public init(systemFlag: Int32, bornTimestamp: Int64, flag: Int32, properties: [UInt8], body: [UInt8]) {
            self.systemFlag = systemFlag
            self.bornTimestamp = bornTimestamp
            self.flag = flag
            self.properties = properties
            self.body = body
        }
    }

    /// The request: one of the send codes.
    public let code: RequestCode
    private let header: SendMessageHeader
    private let head: [UInt8]
    private let tail: [UInt8]
    /// The values of the fields in head and tail, as signatures are made of them.
    private let headValues: [UInt8]
    private let tailValues: [UInt8]

    /// - Parameters:
    ///   - code: 310 or 320, and 325 for replies; the older 10 and 324 travel with long names, a command each.
    ///   - header: all fields but those of ``Message``.
    public init(_ code: RequestCode, _ header: SendMessageHeader) {
        self.code = code
        self.header = header
        let fields = Self.fields(code, header)
        let first = ByteText("f")
        let (before, behind) = (fields.filter { ByteText($0.name) < first }, fields.filter { first < ByteText($0.name) })
        head = Self.encoded(code, before)
        tail = Array(Self.encoded(code, behind)[BinaryFrame.fieldsStart...])
        headValues = before.flatMap { Array($0.value.utf8) }
        tailValues = behind.flatMap { Array($0.value.utf8) }
    }

    /// Whether the code goes with one-letter names, for which the prepared bytes are.
    var hasShortNames: Bool { code == .sendMessageV2 || code == .sendBatchMessage || code == .sendReplyMessageV2 }

    /// The whole request as a command, for a connection that speaks JSON and for all that does not go through a ``RemotingPeer``.
    public func command(_ message: Message) -> RemotingCommand {
        var header = header
        header.systemFlag = message.systemFlag
        header.bornTimestamp = message.bornTimestamp
        header.flag = message.flag
        header.properties = String(decoding: message.properties, as: UTF8.self)
        return hasShortNames
            ? RemotingCommand(code, header: SendMessageHeaderV2(header), body: message.body) : RemotingCommand(code, header: header, body: message.body)
    }

    // MARK: Binary frames

    /// Bytes of the four entries that are written each time, beside the properties themselves: names, lengths and the longest numbers.
    private static let writtenBytes = 4 * 7 + 11 + 20 + 11

    /// The fields that are the same for all messages, by their names.
    private static func fields(_ code: RequestCode, _ header: SendMessageHeader) -> [HeaderFields.Field] {
        let written: Set<ByteText> = ["f", "g", "h", "i"]
        return (RemotingCommand(code, header: SendMessageHeaderV2(header)).fields ?? [:])
            .filter { !written.contains($0.name) }.sorted { ByteText($0.name) < ByteText($1.name) }
    }

    private static func encoded(_ code: RequestCode, _ fields: [HeaderFields.Field]) -> [UInt8] {
        var command = RemotingCommand(code: code.rawValue, fields: HeaderFields(), serialization: .rocketmq)
        for field in fields { command.fields?.append(field.name, field.value) }
        return command.encoded()
    }

    /// Lends the frame of a send, but for its body, to `use`.
    /// - Parameter signer: signs it; nil does not.
    func withFrameStart<Result>(
        _ number: Int32, _ message: Message, signer: RequestSigner? = nil, _ use: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        let signatureBytes = signer.map { $0.entriesStart.count + HMACSHA1.Text.count } ?? 0
        let limit = head.count + Self.writtenBytes + message.properties.count + tail.count + signatureBytes
        return withUnsafeTemporaryAllocation(byteCount: limit, alignment: 8) { memory in
            var cursor = FrameCursor(memory)
            cursor.put(head)
            cursor.put(bigEndian: number, at: BinaryFrame.opaquePlace)
            cursor.put(entry: "f", decimal: Int64(message.systemFlag))
            cursor.put(entry: "g", decimal: message.bornTimestamp)
            cursor.put(entry: "h", decimal: Int64(message.flag))
            cursor.put("\0\u{1}i")
            cursor.put(bigEndian: Int32(truncatingIfNeeded: message.properties.count))
            cursor.put(message.properties)
            cursor.put(tail)
            if let signer {
                cursor.put(signer.entriesStart)
                signature(message, by: signer).span.withUnsafeBytes { cursor.put($0) }
            }
            cursor.put(bigEndian: Int32(truncatingIfNeeded: cursor.count - BinaryFrame.fieldsStart), at: BinaryFrame.fieldsLengthPlace)
            cursor.finish(.rocketmq, headerCount: cursor.count - 8, bodyCount: message.body.count)
            return use(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[..<cursor.count]))
        }
    }

    private func signature(_ message: Message, by signer: RequestSigner) -> HMACSHA1.Text {
        var content = signer.begin()
        // By the names of the fields, of which those of the account come first.
        content.add(signer.accountValues)
        content.add(headValues)
        withUnsafeTemporaryAllocation(byteCount: Self.writtenBytes, alignment: 8) { memory in
            var numbers = FrameCursor(memory)
            numbers.put(decimal: Int64(message.systemFlag))
            numbers.put(decimal: message.bornTimestamp)
            numbers.put(decimal: Int64(message.flag))
            content.add(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[..<numbers.count]))
        }
        content.add(message.properties)
        content.add(tailValues)
        content.add(message.body)
        return signer.signature(of: content)
    }
}
