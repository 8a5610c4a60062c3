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

    private let order = UnsafeMutableBufferPointer<Entry>.allocate(capacity: HeaderScratch.fieldLimit)
    private let values = UnsafeMutableRawBufferPointer.allocate(byteCount: HeaderScratch.textBytes, alignment: 64)

    public init() {}

    deinit {
        order.deallocate()
        values.deallocate()
    }

    /// Nil where the request has to be decoded, an unsigned one among them.
    public func read(_ request: InboundFrame) -> SignedRequest? {
        guard let fieldCount = request.fieldCount, sort(request, fieldCount) else { return nil }
        var accessKey: UnsafeRawBufferPointer?
        var signature: UnsafeRawBufferPointer?
        var count = 0
        for entry in order[..<fieldCount] {
            let slot = request.scratch.fields[Int(entry.slot)]
            let name = request.key(slot), value = request.value(slot)
            if slot.isEscaped {
                guard name.equals("i") || name.equals("properties"),
                    let written = value.unescapeJSON(into: UnsafeMutableRawBufferPointer(rebasing: values[count...]))
                else { return nil }
                count += written
                continue
            }
            if name.equals("Signature") {
                signature = value
                continue
            }
            if name.equals("AccessKey") { accessKey = value }
            if name.equals("_UNIQUE_KEY_QUERY") { return nil }
            guard value.count <= values.count - count else { return nil }
            if let source = value.baseAddress { (values.baseAddress! + count).copyMemory(from: source, byteCount: value.count) }
            count += value.count
        }
        guard let accessKey, let signature else { return nil }
        return SignedRequest(
            accessKey: accessKey, signature: signature, values: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(values)[..<count]), body: request.body)
    }

    /// Puts the fields in the order of their names. Few, and mostly in order already: each is moved to its place among those before it.
    /// - Returns: false when a name stands twice or has bytes for which UTF-16 has another order.
    private func sort(_ request: InboundFrame, _ fieldCount: Int) -> Bool {
        for index in 0..<fieldCount {
            let name = request.key(request.scratch.fields[index])
            var entry = Entry(start: 0, slot: Int32(truncatingIfNeeded: index))
            for place in 0..<name.count {
                guard name[place] < 0x80 else { return false }
                if place < 8 { entry.start |= UInt64(name[place]) << UInt64(56 - 8 * place) }
            }
            var place = index
            while place > 0 {
                let before = order[place - 1]
                let comparison = before.start != entry.start ? (before.start < entry.start ? -1 : 1) : compare(before, name, request)
                if comparison < 0 { break }
                guard comparison > 0 else { return false }
                order[place] = before
                place -= 1
            }
            order[place] = entry
        }
        return true
    }

    /// Below 0 when the entry's name stands before `name`, 0 when it is the same.
    private func compare(_ entry: Entry, _ name: UnsafeRawBufferPointer, _ request: InboundFrame) -> Int {
        let other = request.key(request.scratch.fields[Int(entry.slot)])
        let common = min(other.count, name.count)
        let order = common == 0 ? 0 : memcmp(other.baseAddress!, name.baseAddress!, common)
        return order != 0 ? Int(order) : other.count - name.count
    }
}
