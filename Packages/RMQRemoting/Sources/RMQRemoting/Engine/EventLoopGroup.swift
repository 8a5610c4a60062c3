import CRMQSystem
import Glibc
public import RMQCommon
import Synchronization

/// A fixed number of event loops, each with its thread. Servers and clients may share one group.
public final class EventLoopGroup: Sendable {
    public let loops: [EventLoop]
    private let threads: Mutex<[pthread_t]>
    private let turn = Atomic<Int>(0)

    /// What all loops go by.
    public let clocks: Clocks

    /// Starts `count` threads named `name-0`, `name-1` …
    public init(count: Int, name: String, clocks: Clocks = .system) {
        precondition(count > 0, "an event loop group needs a loop")
        self.clocks = clocks
        loops = (0..<count).map { EventLoop(name: "\(name)-\($0)", clocks: clocks) }
        threads = Mutex(loops.map { loop in
            guard let thread = LoopThread.start(name: loop.name, loop.run) else { preconditionFailure("no thread for \(loop.name): out of threads or memory") }
            return thread
        })
    }

    deinit {
        for loop in loops { loop.stop() }
        threads.withLock { threads in
            for thread in threads { pthread_detach(thread) }
        }
    }

    /// The next loop in turn.
    public func next() -> EventLoop {
        loops[Int(UInt(bitPattern: turn.wrappingAdd(1, ordering: .relaxed).oldValue) % UInt(loops.count))]
    }

    /// Closes all connections of the loops and ends their threads; returns when they ended. Not from a loop's own thread.
    public func stop() {
        precondition(EventLoop.current == nil, "a loop cannot wait for its own end")
        for loop in loops { loop.stop() }
        let ending = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in ending { pthread_join(thread, nil) }
    }
}

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

/// A value of one loop that other threads may hold and send work to, but not touch.
///
/// Unchecked `Sendable`: the value is reached on the loop's thread only, which is checked.
public struct LoopBound<Value>: @unchecked Sendable {
    public let loop: EventLoop
    private let stored: Value

    public init(_ value: Value, loop: EventLoop) {
        self.loop = loop
        stored = value
    }

    /// The value; on the loop's thread only.
    public var value: Value {
        precondition(loop.isCurrent, "a loop-bound value was used on another thread")
        return stored
    }

    /// Runs `work` with the value on its loop.
    public func post(_ work: @escaping @Sendable (Value) -> Void) {
        loop.execute { work(value) }
    }
}
