import Glibc

/// Looks at the first byte of a connection and leaves it to the transport that this byte asks for: TLS, which begins with a handshake record,
/// or what the port speaks without it.
///
/// Nothing is taken from the socket, and neither costs a later read anything. No frame begins like a handshake record: it would be
/// longer than any may be.
final class FirstByteTransport: Transport {
    private let port: TLSPort
    private var channel: ChannelHandle?

    init(_ port: TLSPort) { self.port = port }

    func begin(on channel: ChannelHandle) { self.channel = channel }

    func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> TransportRead {
        var first: UInt8 = 0
        let count = recv(descriptor, &first, 1, Int32(MSG_PEEK))
        if count == 0 { return .ended }
        guard count > 0 else { return errno == EAGAIN || errno == EINTR ? .blocked(until: .readable) : .failed(code: errno) }
        if first == FirstRecord.handshake { return .replaced(by: port.makeTLS()) }
        guard let plain = port.plain() else {
            let reason = "it is not encrypted, and tls.server.mode is enforcing"
            if let channel { port.report(channel.remote, reason) }
            return .refused(reason: reason)
        }
        return .replaced(by: plain)
    }

    /// Servers do not speak first.
    func write(_ descriptor: Int32, _ parts: UnsafeBufferPointer<iovec>) -> TransportWrite { .blocked(after: 0, until: .readable) }

    func shutdown(_ descriptor: Int32) {}
}
