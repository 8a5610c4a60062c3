import CRMQSystem
import Glibc

/// A named thread of the system that runs one closure.
///
/// For what blocks: Swift's cooperative pool has one thread a processor, and a blocked one is missing to everybody.
public final class SystemThread: @unchecked Sendable {
    // Sendable: `thread` is written once in `init` and read by the one caller of `join` or `detach`.
    private var thread = pthread_t()

    private final class Start {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Starts the thread; nil when the system has none left.
    /// - Parameter name: as `top -H` and debuggers show it, cut to the kernel's 15 bytes.
    public init?(name: String, _ body: @escaping @Sendable () -> Void) {
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        let code = pthread_create(&thread, nil, { argument in
            let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
            _ = crmq_set_thread_name(String(decoding: start.name.utf8.prefix(15), as: UTF8.self))
            start.body()
            return nil
        }, start.toOpaque())
        guard code == 0 else {
            start.release()
            return nil
        }
    }

    /// Waits for the end of the closure. To be called once at most, as an alternative to ``detach()``.
    public func join() { pthread_join(thread, nil) }

    /// The thread's end is not waited for.
    public func detach() { pthread_detach(thread) }
}
