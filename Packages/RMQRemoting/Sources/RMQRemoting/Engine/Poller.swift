import CRMQSystem
import RMQCommon

/// What a descriptor is ready for, or watched for.
public struct PollEvents: OptionSet, Sendable {
    /// The bits of `epoll_event.events`.
    public let rawValue: UInt32
    /// For the option set.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Bytes, the end of them, or a connection to accept.
    public static let readable = PollEvents(rawValue: 0x001)
    /// Room for bytes.
    public static let writable = PollEvents(rawValue: 0x004)
    static let failed = PollEvents(rawValue: 0x008)
    static let hungUp = PollEvents(rawValue: 0x010)
}

/// What a loop waits with: the kernel, or in a test what the test says.
///
/// `wake` may be called from any thread, all else by the loop's thread.
protocol Polling: AnyObject, Sendable {
    func wake()
    /// False when the descriptor cannot be watched.
    func add(_ descriptor: Int32, id: UInt64, events: PollEvents) -> Bool
    func modify(_ descriptor: Int32, id: UInt64, events: PollEvents)
    func remove(_ descriptor: Int32)
    /// Sleeps until something is ready; -1 without a time limit.
    func wait(milliseconds: Int32)
    func forEachReady(_ body: (UInt64, PollEvents) -> Void)
}

/// The epoll descriptor of one loop and the eventfd that wakes it. Level triggered.
///
/// Unchecked `Sendable`: `wake` only writes to a descriptor that never changes, all else is the loop's thread's.
final class Poller: Polling, @unchecked Sendable {
    /// Ready descriptors taken per wake-up; the others come with the next.
    private static let batch = 256
    /// No source has this number: their counter starts at 1.
    private static let wakeId: UInt64 = 0

    private let epoll: Descriptor
    private let wakeDescriptor: Descriptor
    private let events = UnsafeMutableBufferPointer<crmq_event>.allocate(capacity: batch)
    private var readyCount = 0

    init() {
        let epoll = crmq_epoll_create()
        precondition(epoll >= 0, "epoll_create1 failed with errno \(-epoll): out of descriptors or memory")
        self.epoll = Descriptor(adopting: epoll)
        let wake = crmq_eventfd()
        precondition(wake >= 0, "eventfd failed with errno \(-wake): out of descriptors or memory")
        wakeDescriptor = Descriptor(adopting: wake)
        precondition(add(wake, id: Self.wakeId, events: .readable), "epoll_ctl refused the wake-up descriptor")
    }

    deinit { events.deallocate() }

    func wake() { _ = crmq_eventfd_signal(wakeDescriptor.raw) }

    func add(_ descriptor: Int32, id: UInt64, events: PollEvents) -> Bool {
        crmq_epoll_add(epoll.raw, descriptor, events.rawValue, id) == 0
    }

    func modify(_ descriptor: Int32, id: UInt64, events: PollEvents) {
        _ = crmq_epoll_modify(epoll.raw, descriptor, events.rawValue, id)
    }

    func remove(_ descriptor: Int32) { _ = crmq_epoll_remove(epoll.raw, descriptor) }

    /// Sleeps until something is ready; -1 without a time limit. An interruption counts as nothing ready.
    func wait(milliseconds: Int32) {
        readyCount = max(0, Int(crmq_epoll_wait(epoll.raw, events.baseAddress, Int32(Self.batch), milliseconds)))
    }

    func forEachReady(_ body: (UInt64, PollEvents) -> Void) {
        for index in 0..<readyCount {
            let event = events[index]
            guard event.data != Self.wakeId else {
                _ = crmq_eventfd_drain(wakeDescriptor.raw)
                continue
            }
            body(event.data, PollEvents(rawValue: event.events))
        }
    }
}
