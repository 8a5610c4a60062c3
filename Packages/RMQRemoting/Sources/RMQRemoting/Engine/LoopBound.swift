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
