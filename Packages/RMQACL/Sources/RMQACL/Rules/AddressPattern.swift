public import RMQCommon

#if canImport(Glibc)
import Glibc
#endif

/// Which client addresses a white list admits (RocketMQ 4.x `plain_acl.yml`: `globalWhiteRemoteAddresses`, `whiteRemoteAddress`).
///
/// | text | admits |
/// |---|---|
/// | empty | no address |
/// | `*`, `*.*.*.*`, `*:*:*:*:*:*:*:*` | every address |
/// | `10.0.0.1`, `1050::1` | that address |
/// | `10.0.0.1,10.0.0.2` | each of the list; no blanks |
/// | `10.0.0.{1,2}`, `1050::{1,2}` | a list in the last segment |
/// | `10.0.0.1-20`, `10.0.1-9.*`, `10.*.*.*` | a range; what follows the first range is not looked at |
/// | `1050::1-200`, `1050::1-200:*` | a hexadecimal range in the last segment, or before a last `*` |
public enum AddressPattern: Sendable, Equatable {
    case none
    case any
    case oneOf(Set<IPAddress>)
    /// The leading segments are equal to `prefix`, the next one lies in `range`.
    case range(family: IPAddress.Family, prefix: [UInt16], range: ClosedRange<UInt16>)

    /// - Throws: ``AddressPatternError`` naming the text and the part of it that is wrong.
    public init(_ text: String) throws(AddressPatternError) {
        switch ByteText(text) {
        case _ where text.isBlank: self = .none
        case "*", "*.*.*.*", "*:*:*:*:*:*:*:*": self = .any
        case _ where text.hasByteSuffix("}"): self = try Self.listInLastSegment(text)
        case _ where text.contains(ascii: ","): self = .oneOf(try Self.addresses(text.split(ascii: ",", keepingEmpty: true), in: text))
        case _ where text.contains(ascii: "*") || text.contains(ascii: "-"):
            self = text.contains(ascii: ":") ? try Self.rangeOfVersion6(text) : try Self.rangeOfVersion4(text)
        default: self = .oneOf(try Self.addresses([text], in: text))
        }
    }

    /// Whether a client at `address` is admitted.
    public func matches(_ address: IPAddress) -> Bool {
        switch self {
        case .none: return false
        case .any: return true
        case .oneOf(let addresses): return addresses.contains(address)
        case .range(let family, let prefix, let range):
            let segments = address.segments
            return address.family == family && segments.starts(with: prefix) && range.contains(segments[prefix.count])
        }
    }

    private static func addresses(_ parts: [String], in text: String) throws(AddressPatternError) -> Set<IPAddress> {
        var found = Set<IPAddress>()
        for part in parts {
            guard let address = IPAddress(part) else {
                throw AddressPatternError(pattern: text, part: part, allowed: "an IPv4 or IPv6 address")
            }
            found.insert(address)
        }
        return found
    }

    private static func listInLastSegment(_ text: String) throws(AddressPatternError) -> AddressPattern {
        guard let (head, list) = text.cut(atFirst: "{"), head.hasByteSuffix(".") || head.hasByteSuffix(":") else {
            throw AddressPatternError(pattern: text, part: text, allowed: "a list in braces as the last segment")
        }
        let items = (list.droppingByteSuffix("}") ?? list).split(ascii: ",", keepingEmpty: true)
        return .oneOf(try addresses(items.map { head + $0 }, in: text))
    }

    private static func rangeOfVersion4(_ text: String) throws(AddressPatternError) -> AddressPattern {
        let segments = text.split(ascii: ".", keepingEmpty: true)
        guard segments.count == 4 else { throw AddressPatternError(pattern: text, part: text, allowed: "four segments") }
        var prefix: [UInt16] = []
        for segment in segments {
            if let range = try bounds(of: segment, radix: 10, limit: 255, in: text) {
                return .range(family: .version4, prefix: prefix, range: range)
            }
            guard let number = UInt8(segment) else {
                throw AddressPatternError(pattern: text, part: segment, allowed: "0 to 255")
            }
            prefix.append(UInt16(number))
        }
        throw AddressPatternError(pattern: text, part: text, allowed: "a range such as 1-20 or *")
    }

    private static func rangeOfVersion6(_ text: String) throws(AddressPatternError) -> AddressPattern {
        var segments = text.split(ascii: ":", keepingEmpty: true)
        let endsInAny = segments.last.isExactly("*")
        if endsInAny, segments.count > 1, segments[segments.count - 2].contains(ascii: "-") { segments.removeLast() }
        guard let last = segments.popLast(), let range = try bounds(of: last, radix: 16, limit: 0xFFFF, in: text) else {
            throw AddressPatternError(pattern: text, part: text, allowed: "a range as the last segment, or as the last but one before *")
        }
        // The address is complete when the range (and the `*` behind it) are given some value.
        let placeholder = segments.joined(separator: ":") + (endsInAny && !last.isExactly("*") ? ":0:0" : ":0")
        guard let whole = IPAddress(placeholder), whole.family == .version6 else {
            throw AddressPatternError(pattern: text, part: text, allowed: "an IPv6 address with one range")
        }
        let length = 8 - (endsInAny && !last.isExactly("*") ? 2 : 1)
        return .range(family: .version6, prefix: Array(whole.segments.prefix(length)), range: range)
    }

    /// The range that `segment` stands for; nil when it is a plain number.
    private static func bounds(
        of segment: String, radix: Int, limit: UInt16, in text: String
    ) throws(AddressPatternError) -> ClosedRange<UInt16>? {
        if segment.isExactly("*") { return 0...limit }
        guard segment.contains(ascii: "-") else { return nil }
        let ends = segment.split(ascii: "-", keepingEmpty: true).map { UInt16($0, radix: radix) }
        guard ends.count == 2, let low = ends[0], let high = ends[1], low <= high, high <= limit else {
            throw AddressPatternError(pattern: text, part: segment, allowed: "a range within 0 to \(String(limit, radix: radix))")
        }
        return low...high
    }
}

/// An address pattern of an account file that cannot be read.
public struct AddressPatternError: Error, Equatable, CustomStringConvertible {
    /// The whole pattern.
    public var pattern: String
    /// What of it is wrong.
    public var part: String
    /// What may stand there.
    public var allowed: String

    public var description: String { "address pattern '\(pattern)': '\(part)' is not allowed; allowed is \(allowed)" }
}

/// An IP address without a port, as its segments: four bytes of IPv4, eight 16-bit groups of IPv6.
public struct IPAddress: Hashable, Sendable {
    /// IPv4 or IPv6. An IPv4 address that is written as an IPv6 one is the latter.
    public enum Family: Sendable { case version4, version6 }
    /// Says how many segments there are, and of what size.
    public let family: Family
    /// Four bytes of IPv4, each 0 to 255, or eight groups of IPv6; the first one written comes first.
    public let segments: [UInt16]

    /// Reads the usual text form; nil when `text` is no address.
    public init?(_ text: String) {
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &bytes) == 1 {
            family = .version4
            segments = bytes.prefix(4).map(UInt16.init)
        } else if inet_pton(AF_INET6, text, &bytes) == 1 {
            family = .version6
            segments = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        } else {
            return nil
        }
    }

    /// The address of a peer. One of IPv4 that a socket of IPv6 shows is of IPv4.
    public init(_ peer: HostAddress) {
        let bytes = peer.ip
        if bytes.count == 16, bytes.starts(with: Self.mappedPrefix) {
            self.init(.version4, bytes.suffix(4).map(UInt16.init))
        } else if bytes.count == 4 {
            self.init(.version4, bytes.map(UInt16.init))
        } else {
            self.init(.version6, stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) })
        }
    }

    /// ::ffff:0:0/96
    private static let mappedPrefix = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]

    private init(_ family: Family, _ segments: [UInt16]) {
        self.family = family
        self.segments = segments
    }
}
