import Glibc
import RMQCommon

extension SystemThread {
    /// A thread that the store cannot do without.
    static func starting(_ name: String, _ body: @escaping @Sendable () -> Void) throws(StoreError) -> SystemThread {
        guard let thread = SystemThread(name: name, body) else { throw .system(call: "pthread_create", path: name, code: EAGAIN) }
        return thread
    }
}
