import CRMQSystem
import Glibc
import RMQCommon

/// A socket on its way to being connected.
final class PendingConnect: EventSource {
    private var socket: Descriptor?
    private let raw: Int32
    private let loop: EventLoop
    private let ended: (PendingConnect, Int32) -> Void

    /// - Parameter ended: called once with an errno or 0; takes the socket over with ``takeSocket()``, or it is closed.
    init(_ socket: consuming Descriptor, loop: EventLoop, ended: @escaping (PendingConnect, Int32) -> Void) {
        raw = socket.raw
        self.socket = consume socket
        self.loop = loop
        self.ended = ended
    }

    /// False (and closed) when the loop cannot watch the socket.
    func start() -> Bool {
        if loop.watch(raw, id: SourceId.make(raw), events: .writable, self) { return true }
        socket = nil
        return false
    }

    func ready(_ events: PollEvents) {
        guard socket != nil else { return }
        loop.unwatch(raw)
        ended(self, crmq_socket_error(raw))
        socket = nil
    }

    /// The connected socket, once.
    func takeSocket() -> Descriptor? { socket.take() }

    /// Gives the connect up; `ended` is not called any more.
    func abandon() {
        guard socket != nil else { return }
        loop.unwatch(raw)
        socket = nil
    }

    func loopStopped() { abandon() }
}
