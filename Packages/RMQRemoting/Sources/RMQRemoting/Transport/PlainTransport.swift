import CRMQSystem
public import Glibc

/// The socket as it is. Without state, so one serves all channels.
public final class PlainTransport: Transport, SharedTransport {
    private static let shared = PlainTransport()
    /// Hands out the one that serves all.
    public static let maker: TransportMaker = { shared }

    /// For a transport that has one inside.
    public init() {}

    public func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> TransportRead {
        switch crmq_read(descriptor, buffer.baseAddress, buffer.count) {
        case 0: .ended
        case let count where count > 0: .bytes(count, hasMore: false)
        case -Int(EAGAIN), -Int(EINTR): .blocked(until: .readable)
        case let code: .failed(code: Int32(-code))
        }
    }

    public func write(_ descriptor: Int32, _ parts: UnsafeBufferPointer<iovec>) -> TransportWrite {
        var written: Int
        repeat { written = Self.send(descriptor, parts) } while written == -Int(EINTR)
        if written == -Int(EAGAIN) { return .blocked(after: 0, until: .writable) }
        guard written >= 0 else { return .failed(code: Int32(-written)) }
        var wanted = 0
        for part in parts { wanted += part.iov_len }
        return written == wanted ? .written(written) : .blocked(after: written, until: .writable)
    }

    /// Bytes written or a negative errno.
    private static func send(_ descriptor: Int32, _ parts: UnsafeBufferPointer<iovec>) -> Int {
        if parts.count == 1 { return crmq_send(descriptor, parts[0].iov_base, parts[0].iov_len) }
        var message = msghdr()
        message.msg_iov = UnsafeMutablePointer(mutating: parts.baseAddress)
        message.msg_iovlen = parts.count
        let written = sendmsg(descriptor, &message, Int32(MSG_NOSIGNAL))
        return written < 0 ? -Int(errno) : written
    }

    public func shutdown(_ descriptor: Int32) {}
}
