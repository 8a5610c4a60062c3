import Glibc

/// The mark by which a loop's thread knows its loop.
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
}
