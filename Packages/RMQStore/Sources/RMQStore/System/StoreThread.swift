import Glibc
import RMQCommon

/// A thread of the store; ``join()`` waits for its end.
final class StoreThread: Sendable {
    private let thread: SystemThread

    init(name: String, _ body: @escaping @Sendable () -> Void) throws(StoreError) {
        guard let thread = SystemThread(name: name, body) else { throw .system(call: "pthread_create", path: name, code: EAGAIN) }
        self.thread = thread
    }

    func join() { thread.join() }
}
