import CRMQSystem
import Glibc

/// A named thread that runs one closure; ``join()`` waits for its end.
final class StoreThread: @unchecked Sendable {
    // Sendable: `thread` is written once in `init` and read by the one caller of `join`.
    private var thread = pthread_t()

    private final class Work {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// - Parameter name: at most 15 bytes, the kernel's limit.
    init(name: String, _ body: @escaping @Sendable () -> Void) throws(StoreError) {
        let work = Unmanaged.passRetained(Work(name: name, body: body))
        let code = pthread_create(&thread, nil, { argument in
            let work = Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue()
            _ = crmq_set_thread_name(work.name)
            work.body()
            return nil
        }, work.toOpaque())
        if code != 0 {
            work.release()
            throw .system(call: "pthread_create", path: name, code: code)
        }
    }

    func join() {
        pthread_join(thread, nil)
    }
}
