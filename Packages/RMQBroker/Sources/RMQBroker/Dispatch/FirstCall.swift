import Synchronization

/// Does something at the first of several occasions, from whatever thread.
final class FirstCall: Sendable {
    private let isOver = Atomic<Bool>(false)
    private let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    func callAsFunction() {
        if !isOver.exchange(true, ordering: .acquiringAndReleasing) { body() }
    }
}
