/// The id of a stored message that says where it lies.
///
///     0     4 or 16   +4     +8
///     +-----+---------+-----------------+
///     | ip  | port    | physical offset |    written as 32 or 56 upper-case hexadecimal digits
///     +-----+---------+-----------------+
public struct OffsetMessageId: Hashable, Sendable, CustomStringConvertible {
    /// The broker that stored the message.
    public var storeHost: HostAddress
    /// The record's position in the commit log of the broker at `storeHost`.
    public var physicalOffset: Int64

    public init(storeHost: HostAddress, physicalOffset: Int64) {
        self.storeHost = storeHost
        self.physicalOffset = physicalOffset
    }

    /// Nil unless `text` is 32 or 56 hexadecimal digits, in either case.
    public init?(_ text: String) {
        guard let bytes = Hex.bytes(text), bytes.count == 16 || bytes.count == 28 else { return nil }
        let fields = bytes.withUnsafeBytes { bytes -> (HostAddress, Int64)? in
            var reader = ByteReader(bytes)
            guard let host = HostAddress.read(&reader, isIPv6: bytes.count == 28), let offset = reader.readInt64() else { return nil }
            return (host, offset)
        }
        guard let (host, offset) = fields else { return nil }
        self.init(storeHost: host, physicalOffset: offset)
    }

    /// 32 hexadecimal digits in upper case, 56 with an IPv6 address.
    public var text: String {
        var writer = ByteWriter(capacity: 28)
        storeHost.write(to: &writer)
        writer.write(physicalOffset)
        return Hex.text(writer.bytes)
    }

    public var description: String { text }
}
