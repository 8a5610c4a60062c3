/// A request or a response as it lies in the read buffer; handlers see requests alone. Its bytes are valid only while ``RequestHandler/receive(_:on:)`` runs.
public struct InboundFrame {
    /// A ``RequestCode`` or a ``ResponseCode``, by its number.
    public let code: Int32
    /// The number that ties a response to its request.
    public let opaque: Int32
    /// The bits of ``RemotingCommand/Flag``.
    public let flag: Int32
    public let version: Int32
    /// What the sender is written in, as ``LanguageCode``'s number.
    public let languageCode: UInt8
    /// How the header is written.
    public let serialization: HeaderSerialization
    /// The header as it came; valid during the call that hands it over.
    public let header: UnsafeRawBufferPointer
    /// What follows the header; valid during the call that hands it over.
    public let body: UnsafeRawBufferPointer

    /// Fields found by the hot scan; nil when the header has an unusual form.
    let fieldCount: Int?
    unowned(unsafe) let scratch: HeaderScratch

    /// The code of a request.
    public var requestCode: RequestCode { RequestCode(rawValue: code) }
    /// Whether no answer is wanted.
    public var isOneway: Bool { flag & RemotingCommand.Flag.oneway != 0 }
    var isResponse: Bool { flag & RemotingCommand.Flag.response != 0 }
    /// What a later reply needs.
    public var ticket: ReplyTicket { ReplyTicket(opaque: opaque, serialization: serialization, isOneway: isOneway) }

    /// Reads the header of a frame (without its length word). `scratch` holds its fields until the next one is read.
    init(_ frame: UnsafeRawBufferPointer, scratch: HeaderScratch) throws(FrameError) {
        guard frame.count >= 4 else { throw .tooShort(bytes: frame.count) }
        let word = frame.bigEndian(at: 0, as: UInt32.self)
        let headerCount = Int(word & 0x00FF_FFFF)
        guard headerCount <= frame.count - 4 else { throw .headerTooLong(bytes: headerCount, available: frame.count - 4) }
        guard let serialization = HeaderSerialization(rawValue: UInt8(word >> 24)) else {
            throw .unknownSerialization(UInt8(word >> 24))
        }
        self.serialization = serialization
        header = UnsafeRawBufferPointer(rebasing: frame[4..<4 + headerCount])
        body = UnsafeRawBufferPointer(rebasing: frame[(4 + headerCount)...])
        self.scratch = scratch
        let scanned =
            switch serialization {
            case .json: HotJSON.scan(header, fields: scratch.fields)
            case .rocketmq: HotBinary.scan(header, fields: scratch.fields)
            }
        if let scanned {
            code = scanned.code
            opaque = scanned.opaque
            flag = scanned.flag
            version = scanned.version
            languageCode = scanned.languageCode
            fieldCount = scanned.fieldCount
        } else {
            let command = try RemotingCommand.decode(header: header, serialization: serialization, body: UnsafeRawBufferPointer(start: nil, count: 0))
            code = command.code
            opaque = command.opaque
            flag = command.flag
            version = command.version
            languageCode = command.language.rawValue
            fieldCount = nil
        }
    }

    /// An owned copy of the whole request.
    public func command() throws(FrameError) -> RemotingCommand {
        try RemotingCommand.decode(header: header, serialization: serialization, body: body)
    }

    /// The bytes of header field `name` as they lie in the buffer; nil when it is absent, escaped, or the header has an unusual form.
    public func field(_ name: StaticString) -> UnsafeRawBufferPointer? {
        guard let fieldCount else { return nil }
        for index in stride(from: fieldCount - 1, through: 0, by: -1) where key(scratch.fields[index]).equals(name) {
            let slot = scratch.fields[index]
            return slot.isEscaped ? nil : value(slot)
        }
        return nil
    }

    @inline(__always)
    func key(_ slot: FieldSlot) -> UnsafeRawBufferPointer { slot.key(in: header) }

    @inline(__always)
    func value(_ slot: FieldSlot) -> UnsafeRawBufferPointer { slot.value(in: header) }
}
