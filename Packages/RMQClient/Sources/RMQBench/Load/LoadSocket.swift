import CRMQSystem
import Glibc
import RMQCommon
import RMQRemoting

/// A non-blocking connection that counts for little: one buffer in, one buffer out, no allocation per frame.
///
/// Belongs to the thread that made it.
final class LoadSocket {
    let descriptor: Int32
    private var input: UnsafeMutableRawBufferPointer
    private var have = 0
    private var output: [UInt8] = []
    private var written = 0
    /// Nil for a plain connection.
    private var stream: TLSStream?

    /// A frame as it lies in the buffer, valid only while it is handled.
    struct Frame {
        let isBinary: Bool
        let header: UnsafeRawBufferPointer
        let body: UnsafeRawBufferPointer
    }

    /// The largest frame of the protocol.
    private static let frameLimit = 16 << 20

    /// - Parameter tls: encrypts the connection; nil leaves it plain.
    init(connectingTo address: HostAddress, tls: TLSClient? = nil) throws(BenchError) {
        let family = address.isIPv6 ? AF_INET6 : AF_INET
        descriptor = Glibc.socket(family, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw BenchError("no socket: \(Self.reason(errno))") }
        input = .allocate(byteCount: 1 << 20, alignment: 16)
        guard Self.connect(descriptor, to: address) == 0 else {
            throw BenchError("cannot connect to \(address): \(Self.reason(errno)); does something listen there?")
        }
        _ = crmq_set_nodelay(descriptor)
        guard fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 else { throw BenchError("fcntl: \(Self.reason(errno))") }
        guard let tls else { return }
        do throws(TLSError) {
            stream = try TLSStream(over: descriptor, to: address.host, client: tls)
        } catch {
            throw BenchError("\(address): \(error)")
        }
    }

    deinit {
        close(descriptor)
        input.deallocate()
    }

    // MARK: Out

    /// Room for `count` more bytes, filled by `fill` with what goes out at the next `flush`.
    func append(_ bytes: [UInt8], patch: (UnsafeMutableRawBufferPointer) -> Void) {
        let start = output.count
        output += bytes
        output.withUnsafeMutableBytes { patch(UnsafeMutableRawBufferPointer(rebasing: $0[start...])) }
    }

    /// Writes what the socket takes.
    /// - Returns: whether something is left for when it takes more.
    func flush() throws(BenchError) -> Bool {
        while written < output.count {
            let outcome = output.withUnsafeBytes { send(UnsafeRawBufferPointer(rebasing: $0[written...])) }
            switch outcome {
            case .bytes(let count): written += count
            case .blocked: return true
            case .ended(let reason): throw BenchError("the server closed the connection: \(reason)")
            }
        }
        output.removeAll(keepingCapacity: true)
        written = 0
        return false
    }

    private func send(_ bytes: UnsafeRawBufferPointer) -> TLSStream.Outcome {
        if let stream { return stream.write(bytes) }
        return Self.outcome(crmq_send(descriptor, bytes.baseAddress, bytes.count))
    }

    private static func outcome(_ count: Int) -> TLSStream.Outcome {
        switch count {
        case -Int(EAGAIN), -Int(EINTR): .blocked
        case ..<0: .ended(reason: reason(Int32(-count)))
        case 0: .ended(reason: "it sends no more")
        default: .bytes(count)
        }
    }

    // MARK: In

    /// Reads once and hands every complete frame to `handle`.
    func receive(_ handle: (Frame) throws(BenchError) -> Void) throws(BenchError) {
        repeat { try receiveSome(handle) } while stream?.hasMore == true
    }

    private func receiveSome(_ handle: (Frame) throws(BenchError) -> Void) throws(BenchError) {
        if have == input.count { try grow() }
        let room = UnsafeMutableRawBufferPointer(rebasing: input[have...])
        switch stream?.read(into: room) ?? Self.outcome(crmq_read(descriptor, room.baseAddress, room.count)) {
        case .bytes(let count): have += count
        case .blocked: return
        case .ended(let reason): throw BenchError("the server closed the connection: \(reason)")
        }
        var at = 0
        while have - at >= 8 {
            let length = Int(word(at)) + 4
            guard length >= 8, length <= Self.frameLimit else { throw BenchError("the server sent a frame of \(length) bytes") }
            guard have - at >= length else { break }
            let kind = word(at + 4)
            let headerCount = Int(kind & 0xFF_FFFF)
            guard headerCount <= length - 8 else { throw BenchError("the server sent a header longer than its frame") }
            let headerEnd = at + 8 + headerCount
            try handle(Frame(
                isBinary: kind >> 24 == 1, header: UnsafeRawBufferPointer(rebasing: input[at + 8..<headerEnd]),
                body: UnsafeRawBufferPointer(rebasing: input[headerEnd..<at + length])))
            at += length
        }
        if at > 0 {
            have -= at
            if have > 0 { memmove(input.baseAddress!, input.baseAddress! + at, have) }
        }
    }

    private func grow() throws(BenchError) {
        guard input.count < Self.frameLimit * 2 else { throw BenchError("the server sends a frame that does not end") }
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: input.count * 2, alignment: 16)
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[..<have]))
        input.deallocate()
        input = larger
    }

    private func word(_ offset: Int) -> UInt32 { UInt32(bigEndian: input.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }

    // MARK: System calls

    private static func connect(_ descriptor: Int32, to address: HostAddress) -> Int32 {
        if address.isIPv6 {
            var target = sockaddr_in6()
            target.sin6_family = sa_family_t(AF_INET6)
            target.sin6_port = address.port.bigEndian
            withUnsafeMutableBytes(of: &target.sin6_addr) { $0.copyBytes(from: address.ip) }
            return withUnsafePointer(to: &target) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size)) }
            }
        }
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = address.port.bigEndian
        withUnsafeMutableBytes(of: &target.sin_addr) { $0.copyBytes(from: address.ip) }
        return withUnsafePointer(to: &target) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }

    static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
}

extension LoadSocket.Frame {
    /// The number of the request that this answers.
    var opaque: Int32 {
        if isBinary { return header.count >= 9 ? Int32(bigEndian: header.loadUnaligned(fromByteOffset: 5, as: Int32.self)) : -1 }
        return Int32(truncatingIfNeeded: number(after: "\"opaque\":") ?? -1)
    }

    var code: Int {
        if isBinary { return header.count >= 2 ? Int(Int16(bigEndian: header.loadUnaligned(as: Int16.self))) : -1 }
        return number(after: "\"code\":") ?? -1
    }

    /// The number behind `text`, over quotes, colons or a length word in between.
    func number(after text: StaticString) -> Int? {
        guard var index = end(of: text) else { return nil }
        while index < header.count, !(0x30...0x39).contains(header[index]) { index += 1 }
        var value = 0
        while index < header.count, (0x30...0x39).contains(header[index]) {
            value = value &* 10 &+ Int(header[index] &- 0x30)
            index += 1
        }
        return value
    }

    /// Where the message lies that `msgId` names: the last 16 hexadecimal digits of its 32.
    var physicalOffset: Int64? {
        guard var index = end(of: "msgId") else { return nil }
        while index < header.count, Self.hexDigit(header[index]) == nil { index += 1 }
        guard index + 32 <= header.count else { return nil }
        var value: UInt64 = 0
        for byte in header[index + 16..<index + 32] {
            guard let digit = Self.hexDigit(byte) else { return nil }
            value = value << 4 | UInt64(digit)
        }
        return Int64(bitPattern: value)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        default: nil
        }
    }

    /// Where `text`, of at least four bytes, ends in the header. Four bytes are compared at once.
    private func end(of text: StaticString) -> Int? {
        let count = text.utf8CodeUnitCount
        guard let start = header.baseAddress, header.count >= count else { return nil }
        let first = UnsafeRawPointer(text.utf8Start).loadUnaligned(as: UInt32.self)
        for index in 0...header.count - count
        where start.loadUnaligned(fromByteOffset: index, as: UInt32.self) == first && memcmp(start + index, text.utf8Start, count) == 0 {
            return index + count
        }
        return nil
    }

    /// The whole answer, for an error's text.
    var remark: String { String(decoding: header.prefix(400), as: UTF8.self) }
}
