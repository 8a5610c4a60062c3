/// What other threads hand to a loop: it knows itself where on the loop it goes.
///
/// A message of up to three words (a number or an object, and what goes there) lies in the mailbox itself; only a larger one
/// takes memory of its own.
protocol LoopMessage: Sendable {
    /// Called once, on the loop's thread.
    func deliver(on loop: EventLoop)
    /// Called instead, on any thread, when the loop has stopped: ends what waits for the message.
    func drop()
}

extension LoopMessage {
    func drop() {}
}

/// A closure to run.
struct LoopWork: LoopMessage {
    private let work: @Sendable () -> Void
    init(_ work: @escaping @Sendable () -> Void) { self.work = work }
    func deliver(on loop: EventLoop) { work() }
}
