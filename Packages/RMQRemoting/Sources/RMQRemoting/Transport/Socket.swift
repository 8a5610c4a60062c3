import CRMQSystem
import Glibc
import RMQCommon

/// System calls on stream sockets. Failures are errno values.
enum Socket {
    /// A socket that listens on `address`.
    static func listen(on address: SocketAddress) throws(Failure) -> Descriptor {
        let socket = try open(address.family)
        // So that a restarted server does not wait for connections of its predecessor that linger in TIME_WAIT.
        _ = crmq_set_reuse_address(socket.raw)
        let bound = address.withPointer { bind(socket.raw, $0, $1) }
        // A backlog of 1024 is what the reference asks for.
        guard bound == 0, Glibc.listen(socket.raw, 1024) == 0 else { throw Failure(code: errno) }
        return socket
    }

    private static func open(_ family: Int32) throws(Failure) -> Descriptor {
        let raw = crmq_socket_stream(family)
        guard raw >= 0 else { throw Failure(code: -raw) }
        return Descriptor(adopting: raw)
    }

    struct Failure: Error {
        let code: Int32
        var reason: String { Socket.text(code) }
    }

    static func localPort(_ descriptor: Int32) -> UInt16 {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        withUnsafeMutablePointer(to: &storage) { pointer in
            _ = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        return SocketAddress(accepted: storage).port
    }

    /// A peer whose host is gone never says so, and the kernel would repeat what it sent for a quarter of an hour.
    private static let unacknowledgedLimitMilliseconds: Int32 = 30_000

    /// Starts to connect; the socket turns writable when that ended.
    static func connect(to address: SocketAddress) throws(Failure) -> Descriptor {
        let socket = try open(address.family)
        _ = crmq_set_nodelay(socket.raw)
        _ = crmq_set_user_timeout(socket.raw, unacknowledgedLimitMilliseconds)
        let result = address.withPointer { Glibc.connect(socket.raw, $0, $1) }
        if result != 0, errno != EINPROGRESS { throw Failure(code: errno) }
        return socket
    }

    static func text(_ code: Int32) -> String {
        guard let text = strerror(code) else { return "errno \(code)" }
        return "\(String(cString: text)) (errno \(code))"
    }
}
