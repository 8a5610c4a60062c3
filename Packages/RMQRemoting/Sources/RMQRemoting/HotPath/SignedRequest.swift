import Glibc

/// A signed request as it lies in the read buffer: who signed it, and what. Valid during the call that brought the request, and until
/// the next one is read.
public struct SignedRequest {
    /// The name of the account.
    public let accessKey: UnsafeRawBufferPointer
    /// The signature's text.
    public let signature: UnsafeRawBufferPointer
    /// The signed values, in the order of their names.
    public let values: UnsafeRawBufferPointer
    /// What is signed behind them.
    public let body: UnsafeRawBufferPointer
    /// The topic and the group, by the fields that were asked for; nil for a field that is absent.
    public let topic: UnsafeRawBufferPointer?
    public let group: UnsafeRawBufferPointer?
}

/// Finds out what a request's signature is of, without decoding the request: one for each loop.
///
/// It gives up on all that is unusual (a name twice, an escaped value other than properties, a name beyond ASCII, more text than a
/// header's), and never decides that a request is wrong: the caller then decodes it, and asks ``RequestSigner/hasSigned(_:)-(RemotingCommand)``.
public final class SignedRequestReader {
    /// A field by its name: the first eight bytes as a number, which tells most names apart.
    private struct Entry: BitwiseCopyable {
        var start: UInt64
        var slot: Int32
    }

    private static let accessKeyStart = start(of: "AccessKey")
    private static let signatureStart = start(of: "Signature")
    private static let unsignedStart = start(of: "_UNIQUE_KEY_QUERY")

    private let order = UnsafeMutableBufferPointer<Entry>.allocate(capacity: HeaderScratch.fieldLimit)
    private let values = UnsafeMutableRawBufferPointer.allocate(byteCount: HeaderScratch.textBytes, alignment: 64)

    public init() {}

    deinit {
        order.deallocate()
        values.deallocate()
    }

    /// Nil where the request has to be decoded, an unsigned one among them.
    /// - Parameter rights: their topic and group are found on the way; nil for none.
    public func read(_ request: InboundFrame, for rights: NamedRights?) -> SignedRequest? {
        guard let fieldCount = request.fieldCount, sort(request, fieldCount) else { return nil }
        let header = request.header, fields = request.scratch.fields, order = order, values = values
        let topicStart = rights?.topicStart ?? 0, groupStart = rights?.groupStart ?? 0
        var (accessKey, signature, topic, group): (UnsafeRawBufferPointer?, UnsafeRawBufferPointer?, UnsafeRawBufferPointer?, UnsafeRawBufferPointer?)
        var count = 0
        for index in 0..<fieldCount {
            let entry = order[index]
            let slot = fields[Int(entry.slot)]
            let value = slot.value(in: header)
            if slot.isEscaped {
                let name = slot.key(in: header)
                guard name.equals("i") || name.equals("properties"),
                    let written = value.unescapeJSON(into: UnsafeMutableRawBufferPointer(rebasing: values[count...]))
                else { return nil }
                count += written
                continue
            }
            switch entry.start {
            case Self.accessKeyStart where slot.key(in: header).equals("AccessKey"): accessKey = value
            case Self.signatureStart where slot.key(in: header).equals("Signature"):
                signature = value
                continue
            case Self.unsignedStart where slot.key(in: header).equals("_UNIQUE_KEY_QUERY"): return nil
            default:
                if entry.start == topicStart, let name = rights?.topic, slot.key(in: header).equals(name) { topic = value }
                if entry.start == groupStart, let name = rights?.group, slot.key(in: header).equals(name) { group = value }
            }
            guard value.count <= values.count - count else { return nil }
            if let source = value.baseAddress { (values.baseAddress! + count).copyMemory(from: source, byteCount: value.count) }
            count += value.count
        }
        guard let accessKey, let signature else { return nil }
        return SignedRequest(
            accessKey: accessKey, signature: signature, values: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(values)[..<count]),
            body: request.body, topic: topic, group: group)
    }

    /// Puts the fields in the order of their names. Few, and mostly in order already: each is moved to its place among those before it.
    /// - Returns: false when a name stands twice or has bytes for which UTF-16 has another order.
    private func sort(_ request: InboundFrame, _ fieldCount: Int) -> Bool {
        let header = request.header, fields = request.scratch.fields, order = order
        for index in 0..<fieldCount {
            let name = fields[index].key(in: header)
            guard let start = Self.start(of: name) else { return false }
            var place = index
            while place > 0 {
                let before = order[place - 1]
                if before.start <= start {
                    if before.start < start { break }
                    let comparison = Self.compare(fields[Int(before.slot)].key(in: header), name)
                    if comparison < 0 { break }
                    guard comparison > 0 else { return false }
                }
                order[place] = before
                place -= 1
            }
            order[place] = Entry(start: start, slot: Int32(truncatingIfNeeded: index))
        }
        return true
    }

    /// Nil for a name that is not ASCII.
    @inline(__always)
    private static func start(of name: UnsafeRawBufferPointer) -> UInt64? {
        var start: UInt64 = 0
        if name.count >= 8 {
            start = UInt64(bigEndian: name.loadUnaligned(as: UInt64.self))
            for place in 8..<name.count where name[place] >= 0x80 { return nil }
        } else {
            for place in 0..<name.count { start |= UInt64(name[place]) << UInt64(56 - 8 * place) }
        }
        return start & 0x8080_8080_8080_8080 == 0 ? start : nil
    }

    /// The first eight bytes of a name as a number.
    static func start(of name: StaticString) -> UInt64 {
        start(of: UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)) ?? 0
    }

    /// Below 0 when `left` stands before `right`, 0 when it is the same.
    private static func compare(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
        let common = min(left.count, right.count)
        let order = common == 0 ? 0 : memcmp(left.baseAddress!, right.baseAddress!, common)
        return order != 0 ? Int(order) : left.count - right.count
    }
}
