public import RMQCommon
import Synchronization

/// One thread that serves event sources, timers and messages from other threads. It knows no protocol.
///
///     epoll ──► ready sources ─► messages ─► due timers ─► observers' wakeUpEnded ─► flush of the sources that asked ─► work behind it ─┐
///       ▲                                                                                                                               │
///       └───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────┘
///
/// Everything a loop owns (sources, timers, observers) is touched by its thread only. The one door for other threads is the
/// mailbox: an array behind a lock, drained in one go, and an eventfd that is written only while the loop sleeps.
///
/// Unchecked `Sendable`: `mailbox` has its lock, `poller` may be woken from anywhere, all other state is
/// used by the loop's thread alone.
public final class EventLoop: @unchecked Sendable {
    /// One read of a channel takes at most this much: some hundred pipelined sends.
    static let readBytes = 256 * 1024

    /// What its thread is called, as `top -H` shows it.
    public let name: String

    private struct Mailbox {
        var messages: [any LoopMessage] = []
        var isSleeping = false
        var isStopped = false
    }
    private let mailbox = Mutex(Mailbox())
    private let poller: any Polling
    let clocks: Clocks

    // Of the loop's thread.
    /// By descriptor: the kernel hands out the lowest free number, so this stays as short as the number of open ones.
    private var sources: [Source?] = []
    private var drained: [any LoopMessage] = []
    private var timers = TimerHeap()
    private var due: [TimerHeap.Entry] = []
    private var wakeUpObservers: [any WakeUpObserver] = []
    private var stopObservers: [any StopObserver] = []
    private var flushing: [any EventSource] = []
    private var resuming: [any EventSource] = []
    private var deferred: [() -> Void] = []
    private var behindFlush: [() -> Void] = []
    private var locals: [ObjectIdentifier: AnyObject] = [:]
    private var isStopping = false

    /// Memory that every source reads into; what is in it means nothing to the next one.
    let readBuffer = UnsafeMutableRawBufferPointer.allocate(byteCount: readBytes, alignment: 64)

    /// The monotonic clock, read once per wake-up: for every deadline. On the loop only.
    public private(set) var now: MonotonicInstant
    /// The monotonic clock as far as this wake-up knows it: ``now``, and later after ``noteDelay()``. On the loop only.
    public private(set) var latest: MonotonicInstant
    /// The loop comes back to its sources after a while, so what they have may have waited. On the loop only.
    private(set) var wasAway = false
    /// What a loop was away for less, nobody minds.
    private static let awayLimit: Duration = .milliseconds(10)
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
        latest = now
        wallMilliseconds = clocks.wall.now()
    }

    deinit { readBuffer.deallocate() }

    // MARK: From any thread

    /// Runs `work` on the loop, after what was handed over before it. Dropped once the loop stopped.
    public func execute(_ work: @escaping @Sendable () -> Void) { post(LoopWork(work)) }

    /// Runs `work` on the loop in `delay`; milliseconds are the finest step.
    @discardableResult
    public func schedule(after delay: Duration, _ work: @escaping @Sendable () -> Void) -> ScheduledWork {
        let token = ScheduledWork()
        let deadline = clocks.monotonic.now() + delay
        if isCurrent {
            timers.insert(at: deadline, token: token, work: work)
        } else {
            execute { [weak self] in self?.timers.insert(at: deadline, token: token, work: work) }
        }
        return token
    }

    /// The loop of the calling thread; nil elsewhere.
    public static var current: EventLoop? { LoopThread.current }

    /// Whether the caller runs on this loop's thread.
    public var isCurrent: Bool { LoopThread.current === self }

    /// False when the loop has stopped and the message was dropped.
    @discardableResult
    func post(_ message: some LoopMessage) -> Bool {
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

    func stop() { execute { [weak self] in self?.isStopping = true } }

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

    /// Runs `work` outside of any source's call, at the end of this wake-up or, from an end's own work, in the next one, which
    /// follows at once. On the loop only.
    public func deferToEnd(_ work: @escaping () -> Void) { deferred.append(work) }

    /// Runs `work` when what was written in this wake-up has gone out, before anything else is read: the peer need not wait for it. On the
    /// loop only.
    public func deferBehindFlush(_ work: @escaping () -> Void) { behindFlush.append(work) }

    /// To be called within a wake-up after what may have taken long: requests that are read from now on may have waited for it. On the
    /// loop only.
    public func noteDelay() {
        latest = clocks.monotonic.now()
        if now.advanced(nanoseconds: Self.awayLimit.nanoseconds) <= latest { wasAway = true }
    }

    /// Has the observer called at the end of each wake-up, after those that were added before. On the loop only.
    public func add(_ observer: any WakeUpObserver) { wakeUpObservers.append(observer) }
    func remove(_ observer: any WakeUpObserver) { wakeUpObservers.removeAll { $0 === observer } }

    func add(_ observer: any StopObserver) { stopObservers.append(observer) }
    func remove(_ observer: any StopObserver) { stopObservers.removeAll { $0 === observer } }

    /// The one value of its type that this loop has, made when it is first asked for.
    func local<Value: AnyObject>(_ make: () -> Value) -> Value {
        if let value = locals[ObjectIdentifier(Value.self)] { return unsafeDowncast(value, to: Value.self) }
        let value = make()
        locals[ObjectIdentifier(Value.self)] = value
        return value
    }

    /// Starts watching `descriptor`; false when the kernel refuses.
    func watch(_ descriptor: Int32, id: UInt64, events: PollEvents, _ object: any EventSource) -> Bool {
        guard poller.add(descriptor, id: id, events: events) else { return false }
        while sources.count <= Int(descriptor) { sources.append(nil) }
        assert(sources[Int(descriptor)] == nil, "a descriptor was closed while it was watched")
        sources[Int(descriptor)] = Source(id: id, object: object)
        return true
    }

    func rewatch(_ descriptor: Int32, id: UInt64, events: PollEvents) { poller.modify(descriptor, id: id, events: events) }

    /// Before the descriptor is closed.
    func unwatch(_ descriptor: Int32) {
        poller.remove(descriptor)
        sources[Int(descriptor)] = nil
    }

    /// What is watched under this number; nil when it is not any more.
    func source(_ id: UInt64) -> (any EventSource)? {
        let index = SourceId.descriptor(id)
        guard index < sources.count, let source = sources[index], source.id == id else { return nil }
        return source.object
    }

    /// All that is watched now; they may come and go while the caller looks at them.
    func watchedSources() -> [any EventSource] { sources.compactMap { $0?.object } }

    /// ``EventSource/flush()`` is called at the end of this wake-up. Once a wake-up is enough, and the source's business.
    func needsFlush(_ source: any EventSource) { flushing.append(source) }

    /// ``EventSource/resume()`` is called in the next wake-up, which follows at once.
    func needsResuming(_ source: any EventSource) { resuming.append(source) }

    // MARK: The thread

    func run() {
        LoopThread.current = self
        while !isStopping {
            poller.wait(milliseconds: sleepMilliseconds())
            beginWakeUp()
            takeMessages()
            poller.forEachReady { id, events in source(id)?.ready(events) }
            resumeSources()
            for index in drained.indices { drained[index].deliver(on: self) }
            drained.removeAll(keepingCapacity: drained.capacity <= 65_536)
            runTimers()
            runDeferred()
            for observer in wakeUpObservers { observer.wakeUpEnded() }
            flushSources()
            runBehindFlush()
        }
        shutDown()
        LoopThread.current = nil
    }

    private func beginWakeUp() {
        let before = now
        now = clocks.monotonic.now()
        latest = now
        // Also after a long sleep: then the sources know better.
        wasAway = before.advanced(nanoseconds: Self.awayLimit.nanoseconds) <= now
        wallMilliseconds = clocks.wall.now()
    }

    /// Marks the loop as sleeping unless there is something to do at once.
    private func sleepMilliseconds() -> Int32 {
        if !resuming.isEmpty || !deferred.isEmpty || !flushing.isEmpty { return 0 }
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

    private func resumeSources() {
        guard !resuming.isEmpty else { return }
        let sources = resuming
        resuming.removeAll(keepingCapacity: true)
        for source in sources { source.resume() }
    }

    /// All that are due are taken first: what they set runs in the next wake-up, which follows at once when it is due already.
    /// Otherwise work that always sets a timer of the past would keep everything else from its turn.
    private func runTimers() {
        while let entry = timers.popDue(now) { due.append(entry) }
        // One may cancel another.
        for entry in due where !entry.token.isCancelled { entry.work() }
        due.removeAll(keepingCapacity: due.capacity <= 65_536)
    }

    private func runDeferred() {
        while !deferred.isEmpty {
            let works = deferred
            deferred.removeAll()
            for work in works { work() }
        }
    }

    private func flushSources() {
        var index = 0
        while index < flushing.count {
            flushing[index].flush()
            index += 1
        }
        flushing.removeAll(keepingCapacity: true)
    }

    private func runBehindFlush() {
        var index = 0
        while index < behindFlush.count {
            let work = behindFlush[index]
            work()
            index += 1
        }
        behindFlush.removeAll(keepingCapacity: behindFlush.capacity <= 65_536)
    }

    private func shutDown() {
        let left = mailbox.withLock { mailbox in
            mailbox.isStopped = true
            defer { mailbox.messages = [] }
            return mailbox.messages
        }
        for message in left { message.drop() }
        for observer in stopObservers { observer.loopStopped() }
        for source in watchedSources() { source.loopStopped() }
        runDeferred()
        runBehindFlush()
        wakeUpObservers = []
        stopObservers = []
        resuming = []
        flushing = []
        locals = [:]
        timers = TimerHeap()
    }
}
