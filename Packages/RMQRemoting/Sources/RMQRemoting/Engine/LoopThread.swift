import CRMQSystem
import Glibc

/// A loop's thread and the mark by which it knows its loop.
enum LoopThread {
    private struct Key: Sendable {
        let raw: pthread_key_t
        init() {
            var key = pthread_key_t()
            precondition(pthread_key_create(&key, nil) == 0, "out of thread-local keys")
            raw = key
        }
    }
    private static let key = Key()

    static var current: EventLoop? {
        get {
            guard let pointer = pthread_getspecific(key.raw) else { return nil }
            return Unmanaged<EventLoop>.fromOpaque(pointer).takeUnretainedValue()
        }
        set { pthread_setspecific(key.raw, newValue.map { UnsafeRawPointer(Unmanaged.passUnretained($0).toOpaque()) }) }
    }

    /// Starts a joinable thread; nil when the system has none left.
    static func start(name: String, _ body: @escaping @Sendable () -> Void) -> pthread_t? {
        final class Start {
            let name: String
            let body: @Sendable () -> Void
            init(name: String, body: @escaping @Sendable () -> Void) {
                self.name = name
                self.body = body
            }
        }
        var thread = pthread_t()
        let retained = Unmanaged.passRetained(Start(name: name, body: body))
        let code = pthread_create(&thread, nil, { context in
            let start = Unmanaged<Start>.fromOpaque(context!).takeRetainedValue()
            _ = crmq_set_thread_name(String(decoding: start.name.utf8.prefix(15), as: UTF8.self))
            start.body()
            return nil
        }, retained.toOpaque())
        guard code == 0 else {
            retained.release()
            return nil
        }
        return thread
    }
}
