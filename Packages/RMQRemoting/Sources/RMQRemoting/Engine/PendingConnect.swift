import CRMQSystem
import Glibc

/// A socket on its way to being connected.
final class PendingConnect: EventSource {
    private let descriptor: Int32
    private let loop: EventLoop
    private let ended: (Int32) -> Void
    private var isWaiting = true

    /// - Parameter ended: called once with an errno or 0; owns the descriptor from then on.
    init(_ descriptor: Int32, loop: EventLoop, ended: @escaping (Int32) -> Void) {
        self.descriptor = descriptor
        self.loop = loop
        self.ended = ended
    }

    /// False (and closed) when the loop cannot watch the socket.
    func start() -> Bool {
        if loop.watch(descriptor, id: SourceId.make(descriptor), events: .writable, self) { return true }
        Glibc.close(descriptor)
        return false
    }

    func ready(_ events: PollEvents) {
        guard isWaiting else { return }
        isWaiting = false
        loop.unwatch(descriptor)
        ended(crmq_socket_error(descriptor))
    }

    /// Gives the connect up; `ended` is not called any more.
    func abandon() {
        guard isWaiting else { return }
        isWaiting = false
        loop.unwatch(descriptor)
        Glibc.close(descriptor)
    }

    func loopStopped() { abandon() }
}
