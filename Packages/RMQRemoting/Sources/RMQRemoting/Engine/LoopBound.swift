/// A value of one loop that other threads may hold and send work to, but not touch.
///
/// Unchecked `Sendable`: the value is reached on the loop's thread only, which is checked.
public struct LoopBound<Value>: @unchecked Sendable {
    /// The loop on whose thread the value may be used.
    public let loop: EventLoop
    private let stored: Value

    /// Called on any thread; the value is not touched from then on but on the loop's.
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
