public import RMQCommon
import Synchronization

/// A fixed number of event loops, each with its thread. Servers and clients may share one group.
public final class EventLoopGroup: Sendable {
    /// All of them, at least one; they never change.
    public let loops: [EventLoop]
    private let threads: Mutex<[SystemThread]>
    private let turn = Atomic<Int>(0)

    /// What all loops go by.
    public let clocks: Clocks

    /// Starts `count` threads named `name-0`, `name-1` …
    public init(count: Int, name: String, clocks: Clocks = .system) {
        precondition(count > 0, "an event loop group needs a loop")
        self.clocks = clocks
        loops = (0..<count).map { EventLoop(name: "\(name)-\($0)", clocks: clocks) }
        threads = Mutex(loops.map { loop in
            guard let thread = SystemThread(name: loop.name, loop.run) else { preconditionFailure("no thread for \(loop.name): out of threads or memory") }
            return thread
        })
    }

    deinit {
        for loop in loops { loop.stop() }
        threads.withLock { threads in
            for thread in threads { thread.detach() }
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
        for thread in ending { thread.join() }
    }
}
