import Glibc
import RMQCommon

/// Which text the bytes of a body are.
struct Charset: Sendable {
    /// As the system's `iconv` knows it; nil for UTF-8.
    private let name: String?

    static let utf8 = Charset(name: nil)

    private init(name: String?) { self.name = name }

    /// - Throws: `usage` for a name that the system does not know.
    init(named name: String) throws(CommandFailure) {
        if name.isExactlyIgnoringCase("UTF-8") || name.isExactlyIgnoringCase("UTF8") {
            self = .utf8
        } else {
            guard !name.isEmpty, Self.text(of: [], name) != nil else {
                throw .usage("-c takes a character set that this system knows, as UTF-8, US-ASCII or GBK (`iconv -l` lists them), not \"\(name)\"")
            }
            self.init(name: name)
        }
    }

    /// What is no text in this set becomes U+FFFD, byte by byte.
    func text(_ bytes: [UInt8]) -> String {
        guard let name else { return String(decoding: bytes, as: UTF8.self) }
        return Self.text(of: bytes, name) ?? String(decoding: bytes, as: UTF8.self)
    }

    /// Nil when there is no such character set.
    private static func text(of bytes: [UInt8], _ name: String) -> String? {
        let converter = iconv_open("UTF-8", name)
        guard Int(bitPattern: converter) != -1 else { return nil }
        defer { iconv_close(converter) }
        var source = bytes.map { CChar(bitPattern: $0) }
        var text: [UInt8] = []
        var part = [CChar](repeating: 0, count: 4096)
        source.withUnsafeMutableBufferPointer { source in
            part.withUnsafeMutableBufferPointer { part in
                var next = source.baseAddress, left = source.count
                while left > 0 {
                    var target = part.baseAddress, room = part.count
                    let status = iconv(converter, &next, &left, &target, &room), code = errno
                    text += part.prefix(part.count - room).map { UInt8(bitPattern: $0) }
                    guard status == -1 else { continue }
                    if code == EILSEQ || code == EINVAL {
                        text += "\u{FFFD}".utf8
                        next = next.map { $0 + 1 }
                        left -= 1
                    } else if room == part.count {
                        return   // not for want of room: it would fail for ever
                    }
                }
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
