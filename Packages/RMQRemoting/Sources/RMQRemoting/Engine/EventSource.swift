import Synchronization

/// Something with a descriptor that a loop watches. Everything is called on the loop's thread.
protocol EventSource: StopObserver {
    func ready(_ events: PollEvents)
    /// Asked for with ``EventLoop/needsResuming(_:)``.
    func resume()
    /// Asked for with ``EventLoop/needsFlush(_:)``.
    func flush()
}

extension EventSource {
    func resume() {}
    func flush() {}
}

/// What has to know that its loop ends.
protocol StopObserver: AnyObject {
    /// Called once on the loop's thread, as one of its last acts; nothing can be handed to the loop any more.
    func loopStopped()
}

/// What gathers work over a wake-up.
public protocol WakeUpObserver: AnyObject {
    /// After all events, messages and timers of one wake-up and before anything is flushed.
    func wakeUpEnded()
}

/// The number epoll hands back: unique in the process, with the descriptor in its low 24 bits, so that an
/// event of a closed descriptor is never taken for one of its successor.
enum SourceId {
    private static let counter = Atomic<UInt64>(0)

    static func make(_ descriptor: Int32) -> UInt64 {
        (counter.wrappingAdd(1, ordering: .relaxed).newValue << 24) | UInt64(UInt32(bitPattern: descriptor) & 0xFF_FFFF)
    }

    static func descriptor(_ id: UInt64) -> Int { Int(id & 0xFF_FFFF) }
}
