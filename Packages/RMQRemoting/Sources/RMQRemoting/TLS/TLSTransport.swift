import CRMQSystem
import Glibc
import RMQCommon
import Synchronization

/// Bytes inside of TLS, on either side of a connection.
///
///     greeting ⇄ working (a worker goes on with the handshake) ──► open ──► over
///        └────────────── refused, or not done in time ────────────────────────┘
///
/// The loop only moves records between the socket and memory while there is a handshake: a signature by RSA alone takes a millisecond, in
/// which thousands of others would wait. Once open, the loop seals and opens records itself, with one system call for up to 128 KiB.
///
/// What was sealed cannot be taken back, so bytes count as written when their records are with the kernel; until then the next write
/// begins with the same bytes and finds them sealed.
final class TLSTransport: Transport {
    private enum Phase { case greeting, working, open, over(reason: String) }
    private var phase = Phase.greeting
    private let session: TLSSession
    private let desk: HandshakeDesk
    private let isServer: Bool
    /// The first record of a server's peer has been looked at.
    private var knowsPeer: Bool
    private let result = HandshakeResult()
    private var channel: ChannelHandle?
    private var buffers: RecordBuffers?
    private var timer: ScheduledWork?
    private var isCounted = false
    private var isReported = false
    /// How many bytes of the next write are sealed, and in `session.pipe.leaving` in part.
    private var sealedBytes = 0
    /// The peer said that it sends no more.
    private var hasEnded = false

    /// One read while there is a handshake: all that most peers say at once. What it takes stays with the channel, so it is no more.
    private static let greetingBytes = 4_096

    init(_ session: TLSSession, isServer: Bool, desk: HandshakeDesk) {
        self.session = session
        self.isServer = isServer
        self.desk = desk
        knowsPeer = !isServer
    }

    var isOpen: Bool { if case .open = phase { true } else { false } }

    func begin(on channel: ChannelHandle) {
        self.channel = channel
        buffers = channel.loop.local(RecordBuffers.init)
        guard desk.begin() else {
            phase = .over(reason: "\(HandshakeDesk.mostAtOnce) TLS handshakes are under way, the limit")
            return channel.goOn()
        }
        isCounted = true
        timer = channel.loop.scheduleLocally(after: HandshakeDesk.timeLimit) { [weak self] in self?.timeIsUp() }
        if !isServer { work() }
    }

    private func timeIsUp() {
        guard isCounted else { return }
        phase = .over(reason: "no TLS handshake within \(HandshakeDesk.timeLimit)")
        channel?.goOn()
    }

    // MARK: The handshake

    /// Has a worker go on with what has arrived.
    private func work() {
        guard let channel else { return }
        phase = .working
        let isTaken = desk.run { [session, result] in
            result.set(session.shakeHands())
            channel.goOn()
        }
        if isTaken { return }
        phase = .over(reason: "more TLS handshakes wait than can be done")
        channel.goOn()
    }

    private func greet(_ descriptor: Int32) -> TransportRead {
        // What was said in the last step goes first: when that failed, it tells the peer why.
        let departure = session.pipe.send(descriptor)
        switch result.take() {
        case .open: return opened()
        case .failed(let reason): return refuse(reason)
        case .wantsMore, nil: phase = .greeting
        }
        switch departure {
        case .done: break
        case .blocked: return .blocked(until: .writable)
        case .failed(let code): return .failed(code: code)
        }
        switch session.pipe.receive(descriptor, atMost: Self.greetingBytes) {
        case .blocked: return .blocked(until: .readable)
        case .ended: return refuse("the peer left before the handshake was done")
        case .failed(let code): return .failed(code: code)
        case .bytes: break
        }
        if !knowsPeer {
            switch FirstRecord(session.pipe.arrived.readable) {
            case .incomplete: return .blocked(until: .readable)
            case .garbage: return refuse("what follows the first byte is no TLS record")
            case .complete: knowsPeer = true
            }
        }
        work()
        return .blocked(until: [])
    }

    private func opened() -> TransportRead {
        phase = .open
        handshakeEnded()
        return .opened
    }

    private func handshakeEnded() {
        timer?.cancel()
        timer = nil
        guard isCounted else { return }
        isCounted = false
        desk.end()
    }

    private func refuse(_ reason: String) -> TransportRead {
        phase = .over(reason: reason)
        return refused(reason)
    }

    private func refused(_ reason: String) -> TransportRead {
        report(reason)
        return .refused(reason: "TLS: " + reason)
    }

    /// Once a connection.
    private func report(_ reason: String) {
        guard !isReported, let channel else { return }
        isReported = true
        desk.report(channel.remote, reason)
    }

    /// While a worker has the session, the socket is not watched for bytes, so the loop comes here when the connection broke.
    private func isBroken(_ descriptor: Int32) -> Bool {
        // Not by a look at what has arrived: that stays readable after a reset.
        var state = pollfd(fd: descriptor, events: 0, revents: 0)
        return poll(&state, 1, 0) == 1 && Int32(state.revents) & (POLLERR | POLLHUP | POLLNVAL) != 0
    }

    // MARK: Transport

    func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> TransportRead {
        switch phase {
        case .open: return open(descriptor, into: buffer)
        case .over(let reason): return refused(reason)
        case .greeting: return greet(descriptor)
        case .working:
            if result.isThere { return greet(descriptor) }
            return isBroken(descriptor) ? .failed(code: ECONNRESET) : .blocked(until: [])
        }
    }

    private func open(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> TransportRead {
        buffers?.lend(to: session.pipe)
        defer { buffers?.takeBack(from: session.pipe) }
        if hasEnded { return .ended }
        if !session.hasMore {
            switch session.pipe.receive(descriptor, atMost: min(RecordBuffers.byteCount, buffer.count)) {
            case .bytes: break
            case .blocked: return awaitMore(descriptor, 0)
            case .ended: return .ended
            case .failed(let code): return .failed(code: code)
            }
        }
        var count = 0
        while count < buffer.count {
            switch session.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...])) {
            case .bytes(let more):
                count += more
                // Spares the question whether there is another record.
                if !session.hasMore { return awaitMore(descriptor, count) }
            case .ended:
                hasEnded = true
                return count > 0 ? .bytes(count, hasMore: true) : .ended
            case .failed(let reason):
                // The peer is told, if the session had something to say.
                _ = session.pipe.send(descriptor)
                return count > 0 ? giveFirst(count, reason) : refuse(reason)
            case .wantsMore: return awaitMore(descriptor, count)
            }
        }
        return .bytes(count, hasMore: session.hasMore)
    }

    /// What arrived before a record that cannot be opened is good.
    private func giveFirst(_ count: Int, _ reason: String) -> TransportRead {
        phase = .over(reason: reason)
        // Answers may end the connection before what is left would be read.
        report(reason)
        return .bytes(count, hasMore: true)
    }

    /// What is sealed of a write, and as much again that the session says by itself.
    private static let mostLeaving = 2 * RecordBuffers.byteCount + 4_096

    /// All that has arrived is opened. The session may have something to say by itself: an answer to a change of keys, say.
    private func awaitMore(_ descriptor: Int32, _ count: Int) -> TransportRead {
        if !session.pipe.leaving.isEmpty, sealedBytes == 0 {
            switch session.pipe.send(descriptor) {
            case .done: break
            case .failed(let code): return .failed(code: code)
            case .blocked:
                if count == 0, session.pipe.leaving.count <= Self.mostLeaving { return .blocked(until: [.readable, .writable]) }
            }
        }
        // Also while a write waits: a peer that reads nothing may go on to ask for new keys.
        if session.pipe.leaving.count > Self.mostLeaving {
            let reason = "the peer asks and does not read the answers"
            return count > 0 ? giveFirst(count, reason) : refuse(reason)
        }
        return count > 0 ? .bytes(count, hasMore: false) : .blocked(until: .readable)
    }

    func write(_ descriptor: Int32, _ parts: UnsafeBufferPointer<iovec>) -> TransportWrite {
        switch phase {
        case .open: break
        // The handshake's end brings the next write.
        case .greeting, .working: return .blocked(after: 0, until: [])
        case .over: return .failed(code: EPROTO)
        }
        buffers?.lend(to: session.pipe)
        defer { buffers?.takeBack(from: session.pipe) }
        if sealedBytes == 0, let reason = seal(parts) {
            phase = .over(reason: reason)
            report(reason)
            return .failed(code: EPROTO)
        }
        switch session.pipe.send(descriptor) {
        case .blocked: return .blocked(after: 0, until: .writable)
        case .failed(let code): return .failed(code: code)
        case .done:
            let written = sealedBytes
            sealedBytes = 0
            return .written(written)
        }
    }

    /// Seals up to as many bytes as the buffer takes; a reason when it cannot.
    private func seal(_ parts: UnsafeBufferPointer<iovec>) -> String? {
        for part in parts {
            let count = min(part.iov_len, RecordBuffers.byteCount - sealedBytes)
            if count == 0 { break }
            if let reason = session.seal(UnsafeRawBufferPointer(start: part.iov_base, count: count)) { return reason }
            sealedBytes += count
        }
        return nil
    }

    func shutdown(_ descriptor: Int32) {
        handshakeEnded()
        guard case .open = phase else { return }
        session.end()
        _ = session.pipe.send(descriptor)
        phase = .over(reason: "closed")
    }
}

/// What a worker's step came to, for the loop.
final class HandshakeResult: Sendable {
    private let step = Mutex<TLSSession.Step?>(nil)

    var isThere: Bool { step.withLock { $0 != nil } }

    func set(_ step: TLSSession.Step) { self.step.withLock { $0 = step } }

    /// Nil when there is none.
    func take() -> TLSSession.Step? { step.withLock { $0.take() } }
}

/// What a server's peer says first. Only a whole record is worth a worker's turn: who sends a byte a second gets none.
///
///     0        1         3        5
///     +--------+---------+--------+---------
///     | 22     | version | length | content     big endian; the version begins with 3
///     +--------+---------+--------+---------
enum FirstRecord {
    case incomplete, garbage, complete

    static let handshake: UInt8 = 22
    private static let headerBytes = 5
    /// The longest record of a handshake.
    static let mostBytes = headerBytes + 16_384

    init(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.headerBytes else {
            self = bytes.count > 1 && bytes[1] != 3 ? .garbage : .incomplete
            return
        }
        let length = Int(bytes[3]) << 8 | Int(bytes[4])
        guard bytes[0] == Self.handshake, bytes[1] == 3, length > 0, Self.headerBytes + length <= Self.mostBytes else {
            self = .garbage
            return
        }
        self = bytes.count >= Self.headerBytes + length ? .complete : .incomplete
    }
}
