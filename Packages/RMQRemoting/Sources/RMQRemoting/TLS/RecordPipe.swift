import CRMQSystem
import CSSL
import Glibc

/// Where a TLS session takes its records from and puts them: memory, so that it can work on any thread while only the loop touches the socket.
///
///     socket ──► arrived ──► OpenSSL ──► leaving ──► socket
///                      as a BIO without a descriptor
///
/// Unchecked `Sendable`: used by one thread at a time, as its session is.
final class RecordPipe: @unchecked Sendable {
    /// Taken from the socket, not yet by the session.
    var arrived = ByteQueue()
    /// What the session has sealed, on its way to the socket.
    var leaving = ByteQueue()

    enum Arrival { case bytes, blocked, ended, failed(code: Int32) }
    enum Departure { case done, blocked, failed(code: Int32) }

    /// Reads the socket once, for up to `limit` bytes.
    func receive(_ descriptor: Int32, atMost limit: Int) -> Arrival {
        let room = arrived.room(limit)
        switch crmq_read(descriptor, room.baseAddress, limit) {
        case 0: return .ended
        case let count where count > 0:
            arrived.commit(count)
            return .bytes
        case -Int(EAGAIN), -Int(EINTR): return .blocked
        case let code: return .failed(code: Int32(-code))
        }
    }

    /// Writes what the socket takes of what is leaving.
    func send(_ descriptor: Int32) -> Departure {
        while !leaving.isEmpty {
            let bytes = leaving.readable
            switch crmq_send(descriptor, bytes.baseAddress, bytes.count) {
            case -Int(EINTR): continue
            case -Int(EAGAIN): return .blocked
            case let count where count >= 0: leaving.take(count)
            case let code: return .failed(code: Int32(-code))
            }
        }
        return .done
    }

    /// Gives the memory back of what is empty.
    func shrink() {
        arrived.shrink()
        leaving.shrink()
    }

    // MARK: As a BIO

    private struct Method: @unchecked Sendable {
        // Sendable: made once, then only read.
        let raw: OpaquePointer?
    }

    private static let method: Method = {
        let raw = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "record pipe")
        BIO_meth_set_create(raw) { bio in
            BIO_set_init(bio, 1)
            return 1
        }
        BIO_meth_set_read(raw) { bio, place, count in RecordPipe.of(bio)?.give(bio, place, Int(count)) ?? -1 }
        BIO_meth_set_write(raw) { bio, place, count in RecordPipe.of(bio)?.take(place, Int(count)) ?? -1 }
        // Nothing is buffered in between, so a flush is always done; nothing else is asked of it.
        BIO_meth_set_ctrl(raw) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
        return Method(raw: raw)
    }()

    /// A BIO at the session's end of this; nil when there is no memory. It does not keep the pipe: the session does.
    func makeBIO() -> OpaquePointer? {
        guard let bio = BIO_new(Self.method.raw) else { return nil }
        BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        return bio
    }

    private static func of(_ bio: OpaquePointer?) -> RecordPipe? {
        BIO_get_data(bio).map { Unmanaged<RecordPipe>.fromOpaque($0).takeUnretainedValue() }
    }

    private func give(_ bio: OpaquePointer?, _ place: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int32 {
        cssl_bio_clear_flags(bio)
        guard let place, count > 0 else { return 0 }
        let available = min(count, arrived.count)
        guard available > 0 else {
            cssl_bio_wants_more(bio)
            return -1
        }
        memcpy(place, arrived.readable.baseAddress!, available)
        arrived.take(available)
        return Int32(available)
    }

    private func take(_ place: UnsafePointer<CChar>?, _ count: Int) -> Int32 {
        guard let place, count > 0 else { return 0 }
        leaving.append(UnsafeRawBufferPointer(start: place, count: count))
        return Int32(count)
    }
}

/// The memory that the TLS channels of one loop read into and seal into, one after the other.
///
/// A channel has it for one call, and only what could not be passed on stays with the channel. So idle channels hold nothing, and no call
/// asks for memory.
final class RecordBuffers {
    /// Some hundred small requests, or half of a large answer's records at once.
    static let byteCount = 128 * 1024

    private var arrived = ByteQueue()
    private var leaving = ByteQueue()

    init() {
        _ = arrived.room(Self.byteCount)
        // Each record is some bytes longer than what is in it.
        _ = leaving.room(Self.byteCount + 4096)
    }

    func lend(to pipe: RecordPipe) {
        if pipe.arrived.isEmpty { swap(&pipe.arrived, &arrived) }
        if pipe.leaving.isEmpty { swap(&pipe.leaving, &leaving) }
    }

    func takeBack(from pipe: RecordPipe) {
        if pipe.arrived.isEmpty { swap(&pipe.arrived, &arrived) }
        if pipe.leaving.isEmpty { swap(&pipe.leaving, &leaving) }
        pipe.shrink()
    }
}
