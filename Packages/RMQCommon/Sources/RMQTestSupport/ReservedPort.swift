internal import CRMQSystem
internal import Glibc
public import RMQCommon

/// A port of 127.0.0.1 that no one else gets while this object lives: a connect to it is refused, and no server gets it by chance.
///
/// For an address where nothing listens. A server of a test listens on port 0 and is asked which port it got; one that has to be
/// told a port before it starts takes `try ReservedPort().number`, which is free when the object is gone.
public final class ReservedPort: Sendable {
    /// The port, free until somebody listens on it.
    public let number: UInt16
    private let socket: Descriptor

    public init() throws(SystemFailure) {
        let raw = crmq_socket_stream(AF_INET)
        guard raw >= 0 else { throw SystemFailure(call: "socket", code: -raw) }
        let socket = Descriptor(adopting: raw)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(raw, $0, size) == 0 && getsockname(raw, $0, &size) == 0 ? 0 : errno
            }
        }
        guard code == 0 else { throw SystemFailure(call: "bind", code: code, subject: "127.0.0.1") }
        number = UInt16(bigEndian: address.sin_port)
        self.socket = socket
    }

    /// `127.0.0.1:port`.
    public var address: String { "127.0.0.1:\(number)" }

    /// For ``WebServer``, which listens here.
    var rawSocket: Int32 { socket.raw }

    func listen(backlog: Int32) throws(SystemFailure) {
        guard Glibc.listen(socket.raw, backlog) == 0 else { throw SystemFailure(call: "listen", code: errno, subject: address) }
    }
}
