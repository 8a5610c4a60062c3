import Synchronization

/// A number that several threads count up and down.
final class SharedCount: Sendable {
    private let count = Atomic<Int>(0)
    var value: Int { count.load(ordering: .relaxed) }
    func add(_ step: Int) { count.wrappingAdd(step, ordering: .relaxed) }
}
