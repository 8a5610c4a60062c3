import CRMQSystem
import RMQCommon
import Synchronization

/// Lets one thread sleep until another wakes it, once. Cheaper to wake many by than a shared condition, whose waiters
/// all want the same lock first.
final class WakeUp: @unchecked Sendable {
    // Sendable: the word is atomic and never moves; the kernel needs its address.
    private let word: UnsafeMutablePointer<Atomic<UInt32>>

    init() {
        word = .allocate(capacity: 1)
        word.initialize(to: Atomic(0))
    }

    deinit {
        word.deinitialize(count: 1)
        word.deallocate()
    }

    func wake() {
        word.pointee.store(1, ordering: .releasing)
        _ = crmq_futex_wake(address)
    }

    /// Returns true after ``wake()``, or false after `timeout` (nil: never).
    func sleep(timeout: Duration?) -> Bool {
        let deadline = timeout.map { MonotonicInstant.now + $0 }
        while word.pointee.load(ordering: .acquiring) == 0 {
            guard let deadline else {
                _ = crmq_futex_wait(address, 0, -1)
                continue
            }
            let left = (deadline - .now).nanoseconds
            guard left > 0 else { return false }
            _ = crmq_futex_wait(address, 0, left)
        }
        return true
    }

    private var address: UnsafePointer<UInt32> { UnsafeRawPointer(word).assumingMemoryBound(to: UInt32.self) }
}
