import Glibc
import RMQTestSupport
import Synchronization
import Testing

@testable import RMQRemoting

/// What a test of connections runs over.
enum TransportKind: CaseIterable, Sendable {
    case plain, hostile, stingy

    func maker(sourceLocation: SourceLocation = #_sourceLocation) throws -> TransportMaker {
        switch self {
        case .plain: PlainTransport.maker
        case .hostile: try HostileTransport.maker(sourceLocation: sourceLocation)
        case .stingy: try StingyTransport.maker(sourceLocation: sourceLocation)
        }
    }
}

/// A transport that splits what it reads and writes at random, makes both wait for no reason, and holds back bytes that it has
/// taken from the socket, as TLS does with its records. On request it also cuts the connection.
final class HostileTransport: Transport {
    private let plain = PlainTransport()
    private var random: SeededRandom
    /// Bytes after which the connection breaks.
    private var left: Int
    /// Taken from the socket, not yet handed out.
    private var held: ArraySlice<UInt8> = []

    /// - Parameter cuts: each connection breaks after a number of bytes in this range.
    static func maker(
        seed: UInt64 = 20, cuts: ClosedRange<Int>? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> TransportMaker {
        let seeds = Mutex(try SeededRandom.replayable(seed, sourceLocation: sourceLocation))
        return {
            var random = SeededRandom(seed: seeds.withLock { $0.next() })
            let left = cuts.map { Int.random(in: $0, using: &random) } ?? .max
            return HostileTransport(random, left: left)
        }
    }

    private init(_ random: SeededRandom, left: Int) {
        self.random = random
        self.left = left
    }

    private func happens(_ once: Int, in times: Int) -> Bool { Int.random(in: 0..<times, using: &random) < once }

    /// How many bytes go through at a time: often a few, mostly some, sometimes many.
    private func size() -> Int {
        switch Int.random(in: 0..<8, using: &random) {
        case 0: Int.random(in: 1...8, using: &random)
        case 1...4: Int.random(in: 1...4096, using: &random)
        default: Int.random(in: 1...65_536, using: &random)
        }
    }

    /// False when the connection breaks over these bytes.
    private func pass(_ count: Int) -> Bool {
        guard left < .max else { return true }
        left = max(0, left - count)
        return left > 0
    }

    func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> TransportRead {
        if held.isEmpty {
            if happens(1, in: 8) { return .blocked(until: .readable) }
            if happens(1, in: 16) { return .blocked(until: .writable) }
            var record = [UInt8](repeating: 0, count: size())
            switch record.withUnsafeMutableBytes({ plain.read(descriptor, into: $0) }) {
            case .bytes(let count, _): held = record[..<count]
            case let other: return other
            }
        }
        let count = min(buffer.count, happens(1, in: 4) ? (held.count + 1) / 2 : held.count)
        held.prefix(count).withUnsafeBytes { buffer.copyMemory(from: $0) }
        held.removeFirst(count)
        return pass(count) ? .bytes(count, hasMore: !held.isEmpty) : .failed(code: ECONNRESET)
    }

    func write(_ descriptor: Int32, _ parts: UnsafeBufferPointer<iovec>) -> TransportWrite {
        if happens(1, in: 8) { return .blocked(after: 0, until: .writable) }
        var room = size()
        var some: [iovec] = []
        for part in parts where room > 0 {
            some.append(iovec(iov_base: part.iov_base, iov_len: min(part.iov_len, room)))
            room -= some[some.count - 1].iov_len
        }
        let result = some.withUnsafeBufferPointer { plain.write(descriptor, $0) }
        guard case .written(let count) = result else { return result }
        guard pass(count) else { return .failed(code: ECONNRESET) }
        return happens(1, in: 4) ? .blocked(after: count, until: .writable) : .written(count)
    }

    func shutdown(_ descriptor: Int32) { plain.shutdown(descriptor) }
}

/// A transport whose socket may be lent, and that often takes only a part of what is written.
final class StingyTransport: SharedTransport {
    private let plain = PlainTransport()
    private let random: Mutex<SeededRandom>

    static func maker(seed: UInt64 = 21, sourceLocation: SourceLocation = #_sourceLocation) throws -> TransportMaker {
        let random = try SeededRandom.replayable(seed, sourceLocation: sourceLocation)
        let shared = StingyTransport(random)
        return { shared }
    }

    private init(_ random: SeededRandom) { self.random = Mutex(random) }

    func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> TransportRead { plain.read(descriptor, into: buffer) }

    func write(_ descriptor: Int32, _ parts: UnsafeBufferPointer<iovec>) -> TransportWrite {
        var room = random.withLock { random in
            switch Int.random(in: 0..<8, using: &random) {
            case 0...2: Int.random(in: 0...200, using: &random)
            case 3: Int.random(in: 0...65_536, using: &random)
            default: Int.max
            }
        }
        guard room > 0 else { return .blocked(after: 0, until: .writable) }
        var some: [iovec] = []
        for part in parts where room > 0 {
            some.append(iovec(iov_base: part.iov_base, iov_len: min(part.iov_len, room)))
            room -= some[some.count - 1].iov_len
        }
        return some.withUnsafeBufferPointer { plain.write(descriptor, $0) }
    }

    func shutdown(_ descriptor: Int32) { plain.shutdown(descriptor) }
}

/// Looks at the first byte of a connection and leaves it to the transport that this byte asks for.
final class ChoosingTransport: Transport {
    private let choose: (UInt8) -> any Transport
    init(choose: @escaping (UInt8) -> any Transport) { self.choose = choose }

    func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> TransportRead {
        var first: UInt8 = 0
        let count = recv(descriptor, &first, 1, Int32(MSG_PEEK))
        if count == 0 { return .ended }
        guard count > 0 else { return errno == EAGAIN ? .blocked(until: .readable) : .failed(code: errno) }
        return .replaced(by: choose(first))
    }

    func write(_ descriptor: Int32, _ parts: UnsafeBufferPointer<iovec>) -> TransportWrite { .blocked(after: 0, until: .readable) }
    func shutdown(_ descriptor: Int32) {}
}

/// Says hello with one byte, then flips bits of all others: a cipher that everybody can break.
final class FlippingTransport: Transport {
    static let hello: UInt8 = 0x16
    private static let key: UInt8 = 0x5A
    private let plain = PlainTransport()
    private var knowsPeer = false

    static func flip(_ bytes: [UInt8]) -> [UInt8] { bytes.map { $0 ^ key } }

    func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> TransportRead {
        if !knowsPeer {
            var hello: UInt8 = 0
            switch withUnsafeMutableBytes(of: &hello, { plain.read(descriptor, into: $0) }) {
            case .bytes: knowsPeer = true
            case let other: return other
            }
        }
        let result = plain.read(descriptor, into: buffer)
        if case .bytes(let count, _) = result {
            for index in 0..<count { buffer[index] ^= Self.key }
        }
        return result
    }

    /// Copies: what waits to be written may be the middle of a file.
    func write(_ descriptor: Int32, _ parts: UnsafeBufferPointer<iovec>) -> TransportWrite {
        let flipped = Self.flip(Array(UnsafeRawBufferPointer(start: parts[0].iov_base, count: parts[0].iov_len)))
        return flipped.withUnsafeBytes { bytes in
            let part = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
            return withUnsafePointer(to: part) { plain.write(descriptor, UnsafeBufferPointer(start: $0, count: 1)) }
        }
    }

    func shutdown(_ descriptor: Int32) {}
}

/// No socket: hands out what the test gives it and keeps what is written.
final class ScriptedTransport: Transport {
    /// What comes of the next reads; after that nothing has arrived.
    var arriving: [[UInt8]] = []
    /// Each write by itself.
    private(set) var written: [[UInt8]] = []
    /// Reads that have to be done before anything can be written.
    var readsBeforeWrite = 0
    private(set) var blockedWrites = 0
    private(set) var wasShutDown = false

    func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> TransportRead {
        guard !arriving.isEmpty else { return .blocked(until: .readable) }
        readsBeforeWrite -= 1
        let bytes = arriving.removeFirst()
        buffer.copyBytes(from: bytes)
        return .bytes(bytes.count, hasMore: false)
    }

    func write(_ descriptor: Int32, _ parts: UnsafeBufferPointer<iovec>) -> TransportWrite {
        guard readsBeforeWrite <= 0 else {
            blockedWrites += 1
            return .blocked(after: 0, until: .readable)
        }
        let bytes = parts.flatMap { Array(UnsafeRawBufferPointer(start: $0.iov_base, count: $0.iov_len)) }
        written.append(bytes)
        return .written(bytes.count)
    }

    func shutdown(_ descriptor: Int32) { wasShutDown = true }
}
