public import RMQCommon
import Synchronization

/// One thread that serves sockets, timers and messages from other threads.
///
///     epoll ──► ready sockets ─► messages ─► due timers ─► handlers' wakeUpEnded ─► one write per connection ─┐
///       ▲                                                                                                     │
///       └─────────────────────────────────────────────────────────────────────────────────────────────────────┘
///
/// Everything a loop owns (connections, timers, handlers) is touched by its thread only. The one door for
/// other threads is the mailbox: an array behind a lock, drained in one go, and an eventfd that is written only while the
/// loop sleeps.
///
/// Unchecked `Sendable`: `mailbox` has its lock, `poller` may be woken from anywhere, all other state is
/// used by the loop's thread alone.
public final class EventLoop: @unchecked Sendable {
    public let name: String

    private struct Mailbox {
        var messages: [LoopMessage] = []
        var isSleeping = false
        var isStopped = false
    }
    private let mailbox = Mutex(Mailbox())
    private let poller: any Polling
    let clocks: Clocks

    // Of the loop's thread.
    /// By descriptor: the kernel hands out the lowest free number, so this stays as short as the number of open ones.
    private var sources: [Source?] = []
    private var drained: [LoopMessage] = []
    private var timers = TimerHeap()
    private var handlers: [any RequestHandler] = []
    private var endpoints: [ClientEndpoint] = []
    private var unwritten: [Connection] = []
    private var resumable: [Connection] = []
    private var deferred: [() -> Void] = []
    private var isStopping = false
    let sweeper = IdleSweeper()
    let scratch = LoopScratch()

    /// The monotonic clock, read once per wake-up: for every deadline. On the loop only.
    public private(set) var now: MonotonicInstant
    /// The time of day in milliseconds since 1970, read once per wake-up: for stamps. On the loop only.
    public private(set) var wallMilliseconds: Int64

    private struct Source {
        let id: UInt64
        let object: any EventSource
    }

    init(name: String, clocks: Clocks = .system, poller: any Polling = Poller()) {
        self.name = name
        self.clocks = clocks
        self.poller = poller
        now = clocks.monotonic.now()
        wallMilliseconds = clocks.wall.now()
    }

    // MARK: From any thread

    /// Runs `work` on the loop, after what was handed over before it. Dropped once the loop stopped.
    public func execute(_ work: @escaping @Sendable () -> Void) { post(.run(work)) }

    /// Runs `work` on the loop in `delay`; milliseconds are the finest step.
    @discardableResult
    public func schedule(after delay: Duration, _ work: @escaping @Sendable () -> Void) -> ScheduledWork {
        let token = ScheduledWork()
        let deadline = clocks.monotonic.now() + delay
        if isCurrent {
            timers.insert(at: deadline, token: token, work: work)
        } else {
            post(.run { [weak self] in self?.timers.insert(at: deadline, token: token, work: work) })
        }
        return token
    }

    /// The loop of the calling thread; nil elsewhere.
    public static var current: EventLoop? { LoopThread.current }

    /// Whether the caller runs on this loop's thread.
    public var isCurrent: Bool { LoopThread.current === self }

    /// False when the loop has stopped and the message was dropped.
    @discardableResult
    func post(_ message: LoopMessage) -> Bool {
        let (accepted, wake) = mailbox.withLock { mailbox in
            if mailbox.isStopped { return (false, false) }
            mailbox.messages.append(message)
            defer { mailbox.isSleeping = false }
            return (true, mailbox.isSleeping)
        }
        if wake { poller.wake() }
        if !accepted { message.drop() }
        return accepted
    }

    func stop() { post(.run { [weak self] in self?.isStopping = true }) }

    // MARK: On the loop

    /// Like ``schedule(after:_:)`` for work that belongs to this loop and need not be `Sendable`. On the loop only.
    @discardableResult
    public func scheduleLocally(after delay: Duration, _ work: @escaping () -> Void) -> ScheduledWork {
        precondition(isCurrent, "scheduleLocally is for the loop's own thread")
        return scheduleLocally(at: now + delay, work)
    }

    /// The same at a moment. On the loop only.
    @discardableResult
    public func scheduleLocally(at deadline: MonotonicInstant, _ work: @escaping () -> Void) -> ScheduledWork {
        let token = ScheduledWork()
        timers.insert(at: deadline, token: token, work: work)
        return token
    }

    /// Runs `work` at the end of this wake-up, outside of any handler's call.
    func deferToEnd(_ work: @escaping () -> Void) { deferred.append(work) }

    func add(_ handler: any RequestHandler) { handlers.append(handler) }
    func remove(_ handler: any RequestHandler) { handlers.removeAll { $0 === handler } }

    /// An endpoint whose requests have to end when the loop does.
    func add(_ endpoint: ClientEndpoint) { endpoints.append(endpoint) }
    func remove(_ endpoint: ClientEndpoint) { endpoints.removeAll { $0 === endpoint } }

    /// Starts watching `descriptor`; false when the kernel refuses.
    func watch(_ descriptor: Int32, id: UInt64, events: PollEvents, _ object: any EventSource) -> Bool {
        guard poller.add(descriptor, id: id, events: events) else { return false }
        while sources.count <= Int(descriptor) { sources.append(nil) }
        sources[Int(descriptor)] = Source(id: id, object: object)
        return true
    }

    func rewatch(_ descriptor: Int32, id: UInt64, events: PollEvents) { poller.modify(descriptor, id: id, events: events) }

    func unwatch(_ descriptor: Int32) {
        poller.remove(descriptor)
        sources[Int(descriptor)] = nil
    }

    private func source(_ id: UInt64) -> (any EventSource)? {
        let index = SourceId.descriptor(id)
        guard index < sources.count, let source = sources[index], source.id == id else { return nil }
        return source.object
    }

    /// An open connection of this loop; nil when it closed. On the loop only.
    public func connection(_ id: UInt64) -> Connection? { source(id) as? Connection }

    func allConnections() -> [Connection] { sources.compactMap { $0?.object as? Connection } }

    func needsWriting(_ connection: Connection) { unwritten.append(connection) }
    func needsResuming(_ connection: Connection) { resumable.append(connection) }

    // MARK: The thread

    func run() {
        LoopThread.current = self
        while !isStopping {
            poller.wait(milliseconds: sleepMilliseconds())
            now = clocks.monotonic.now()
            wallMilliseconds = clocks.wall.now()
            takeMessages()
            poller.forEachReady { id, events in source(id)?.ready(events) }
            resumePaused()
            for index in drained.indices { deliver(drained[index]) }
            drained.removeAll(keepingCapacity: drained.capacity <= 65_536)
            while let due = timers.popDue(now) { due.work() }
            runDeferred()
            for handler in handlers { handler.wakeUpEnded() }
            writePending()
        }
        shutDown()
        LoopThread.current = nil
    }

    /// Marks the loop as sleeping unless there is something to do at once.
    private func sleepMilliseconds() -> Int32 {
        if !resumable.isEmpty || !deferred.isEmpty || !unwritten.isEmpty { return 0 }
        let idle = mailbox.withLock { mailbox in
            mailbox.isSleeping = mailbox.messages.isEmpty
            return mailbox.isSleeping
        }
        guard idle else { return 0 }
        guard let earliest = timers.earliest else { return -1 }
        let wait = earliest.nanoseconds - clocks.monotonic.now().nanoseconds
        // Rounded up: to wake a moment early would be to look in vain.
        return wait <= 0 ? 0 : Int32(min((wait - 1) / 1_000_000 + 1, 3_600_000))
    }

    private func takeMessages() {
        mailbox.withLock { mailbox in
            mailbox.isSleeping = false
            swap(&mailbox.messages, &drained)
        }
    }

    private func deliver(_ message: LoopMessage) {
        switch message {
        case .run(let work): work()
        case .write(let id, let frame): connection(id)?.write(frame)
        case .request(let id, let request):
            if let connection = connection(id) { connection.send(request) } else { message.drop() }
        case .endpoint(let endpoint, let request): endpoint.send(request)
        case .close(let id): connection(id)?.close()
        }
    }

    private func resumePaused() {
        guard !resumable.isEmpty else { return }
        let connections = resumable
        resumable.removeAll(keepingCapacity: true)
        for connection in connections { connection.resumeReading() }
    }

    private func runDeferred() {
        while !deferred.isEmpty {
            let works = deferred
            deferred.removeAll()
            for work in works { work() }
        }
    }

    private func writePending() {
        var index = 0
        while index < unwritten.count {
            unwritten[index].flush()
            index += 1
        }
        unwritten.removeAll(keepingCapacity: true)
    }

    private func shutDown() {
        let left = mailbox.withLock { mailbox in
            mailbox.isStopped = true
            defer { mailbox.messages = [] }
            return mailbox.messages
        }
        for message in left { message.drop() }
        for endpoint in endpoints { endpoint.close() }
        for source in sources { source?.object.loopStopped() }
        runDeferred()
        handlers = []
        timers = TimerHeap()
    }
}

/// What other threads hand to a loop.
enum LoopMessage: Sendable {
    case run(@Sendable () -> Void)
    case write(connection: UInt64, frame: [UInt8])
    case request(connection: UInt64, OutboundRequest)
    case endpoint(ClientEndpoint, OutboundRequest)
    case close(connection: UInt64)

    /// Ends what waits for a message that nobody will handle.
    func drop() {
        switch self {
        case .request(_, let request): request.complete(.failure(.connectionClosed(address: request.address)))
        case .endpoint(_, let request): request.complete(.failure(.closed))
        case .run, .write, .close: break
        }
    }
}

/// Something with a descriptor that a loop watches.
protocol EventSource: AnyObject {
    func ready(_ events: PollEvents)
    func loopStopped()
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
