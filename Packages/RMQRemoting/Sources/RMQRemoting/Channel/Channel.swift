import CRMQSystem
public import RMQCommon

/// One connected socket on its loop: reads and writes through a transport, hands what arrived to a protocol.
///
///     open ──► finishing (nothing is read or handled any more, what waits is written) ──► closed
///       └──────────────────────────────────────────────────────────────────────────────────►┘
///
/// Reading: as much as the transport has (up to 256 KiB) into the loop's memory, where the protocol handles it in place; only what
/// is incomplete is kept, so that idle channels hold no memory. Writing: what is written gathers in `output` and goes out
/// with one system call at the end of the wake-up. Belongs to its loop's thread; other threads send work to its loop, or write by
/// themselves while the socket is lent.
public final class Channel: EventSource {
    /// Unique in the process.
    public let id: UInt64
    /// The peer's address.
    public let remote: HostAddress
    /// The loop on whose thread all of it is used.
    public let loop: EventLoop

    private enum Phase { case open, finishing, closed }
    private var phase = Phase.open
    private var socket: Descriptor?
    /// The number of `socket`, to use while the channel is not closed.
    private let raw: Int32
    private var transport: any Transport { didSet { sharedTransport = transport as? any SharedTransport } }
    /// The same, when its socket may be lent.
    private var sharedTransport: (any SharedTransport)?
    /// Nil before ``start(_:)`` and after the end.
    private var channelProtocol: (any ChannelProtocol)?
    let limits: ChannelLimits
    private let idleNanoseconds: Int64
    let logger: Logger
    private let onClose: (Channel) -> Void
    /// Why the transport gave up, if it did.
    private(set) var refusal: String?
    /// Called once, when the transport begins to carry bytes.
    private var onOpen: (() -> Void)?

    private var input = ByteQueue()
    var output = OutputQueue()
    private(set) var lastActivity: MonotonicInstant
    /// When what is being handled had arrived at the latest, by the loop's clock. Before, the loop may have been away.
    private(set) var arrived: MonotonicInstant
    /// What the loop watches for.
    private var interest: PollEvents = .readable
    /// What a blocked read and a blocked write wait for.
    private var readNeeds: PollEvents = .readable
    private var writeNeeds: PollEvents = []
    /// Nothing is handled and nothing read: the peer has to take its answers first.
    private var isPaused = false
    /// The transport holds bytes that no event will announce.
    private var hasUnreadInput = false
    private var isListedForFlush = false
    /// Has the socket: nothing is to be added to `output` before ``takeBack()``.
    private var borrower: (any SocketBorrower)?
    private var isListedForResuming = false

    /// Takes over `socket`; nil (and closed) when the loop cannot watch it.
    ///
    /// - Parameter onClose: called within ``close()``, for the channel's owner.
    init?(
        _ socket: consuming Descriptor, remote: HostAddress, loop: EventLoop, transport: any Transport, limits: ChannelLimits,
        logger: Logger, onClose: @escaping (Channel) -> Void
    ) {
        raw = socket.raw
        id = SourceId.make(raw)
        self.socket = consume socket
        self.remote = remote
        self.loop = loop
        self.transport = transport
        sharedTransport = transport as? any SharedTransport
        self.limits = limits
        idleNanoseconds = limits.idleTimeout.nanoseconds
        self.logger = logger
        self.onClose = onClose
        lastActivity = loop.now
        arrived = loop.now
        guard loop.watch(raw, id: id, events: .readable, self) else { return nil }
        loop.local { IdleSweeper(loop) }.added(idleNanoseconds: idleNanoseconds)
        transport.begin(on: handle)
    }

    private var handle: ChannelHandle { ChannelHandle(id: id, remote: remote, loop: loop) }

    /// Has `work` done when bytes can travel, unless the channel closes before: at once for a transport that has nothing to say first. Nothing
    /// is read for a protocol earlier.
    func whenOpen(_ work: @escaping () -> Void) {
        if transport.isOpen { work() } else { onOpen = work }
    }

    /// Sets what is spoken: once, in the call that got the channel, so before anything is read.
    public func start(_ channelProtocol: any ChannelProtocol) { self.channelProtocol = channelProtocol }

    /// What is spoken; nil once the channel closed.
    var spoken: (any ChannelProtocol)? { channelProtocol }

    /// False when what is written goes nowhere.
    public var isOpen: Bool { phase != .closed }

    /// Whether what the peer says next will still be heard.
    var isReading: Bool { phase == .open }

    /// Whether the protocol may go on with what was read: false once the channel ends, and while too much waits to be written.
    public var takesMore: Bool { phase == .open && output.count <= limits.outputHighWaterBytes }

    /// Bytes that wait to be written.
    public var waitingBytes: Int { output.count }

    // MARK: Writing

    /// Adds bytes to what goes out at the end of this wake-up.
    public func write(_ bytes: UnsafeRawBufferPointer) {
        guard isOpen else { return }
        takeBack()
        output.bytes.append(bytes)
        outputGrew()
    }

    /// The same of an array.
    public func write(_ bytes: [UInt8]) { bytes.withUnsafeBytes { write($0) } }

    /// As `write`, for bytes that do not change for as long as `owner` lives: long ones are written from where they are, if
    /// the transport can.
    public func write(_ bytes: UnsafeRawBufferPointer, keeping owner: any AnyObject & Sendable) {
        guard isOpen else { return }
        takeBack()
        output.append(bytes, keeping: owner)
        outputGrew()
    }

    /// To be called after something was added to `output`.
    func outputGrew() {
        assert(borrower == nil, "what others have begun to write goes first")
        if output.count > limits.outputLimitBytes {
            logger.warning("closed \(remote): \(output.count) bytes wait to be written, limit \(limits.outputLimitBytes); the peer does not read")
            return close()
        }
        askForFlush()
    }

    /// The socket, for others to write to until they are told to give it back; nil when it is lent, when something waits to be written here, or
    /// when the transport writes on the loop only.
    func lend(to borrower: any SocketBorrower) -> LentSocket? {
        guard self.borrower == nil, phase == .open, output.isEmpty, writeNeeds.isEmpty, let sharedTransport else { return nil }
        self.borrower = borrower
        return LentSocket(descriptor: raw, transport: sharedTransport)
    }

    /// To be called before anything is added to `output`: what others have begun to write goes first.
    func takeBack() {
        guard borrower != nil else { return }
        endLoan()
        if !output.isEmpty { askForFlush() }
    }

    private func endLoan() {
        guard let borrower else { return }
        self.borrower = nil
        if borrower.takeBack() { lastActivity = loop.now }
    }

    /// Has ``flush()`` called at the end of this wake-up, or when the socket takes bytes again.
    func askForFlush() {
        if writeNeeds.isEmpty { listForFlush() }
    }

    private func listForFlush() {
        guard !isListedForFlush else { return }
        isListedForFlush = true
        loop.needsFlush(self)
    }

    /// Writes what waits; called once at the end of a wake-up and when the socket takes bytes again.
    func flush() {
        isListedForFlush = false
        guard isOpen else { return }
        endLoan()
        channelProtocol?.fillOutput()
        let before = output.count
        switch output.write(raw, through: transport) {
        case .drained:
            writeNeeds = []
            channelProtocol?.fillOutput()
            if !output.isEmpty { listForFlush() }
        case .blocked(let events): writeNeeds = events
        case .failed:
            // How much of it the peer has is unknown, so nothing may follow.
            output.discard()
            return close()
        }
        if output.count < before { lastActivity = loop.now }
        if phase == .finishing, output.isEmpty { return close() }
        if isPaused, output.count <= limits.outputHighWaterBytes / 2 { listForResuming() }
        updateInterest()
    }

    // MARK: Events

    func ready(_ events: PollEvents) {
        let trouble: PollEvents = [.failed, .hungUp]
        if !events.isDisjoint(with: writeNeeds) { flush() }
        guard isOpen else { return }
        if phase == .open, !isPaused {
            if !events.isDisjoint(with: readNeeds.union(trouble)) { readAvailable() }
        } else if !events.isDisjoint(with: trouble) {
            close()
        }
    }

    func loopStopped() { close() }

    /// Goes on with what was left when the output was too long, and with what the transport still has.
    func resume() {
        isListedForResuming = false
        guard phase == .open else { return }
        if isPaused {
            guard output.count <= limits.outputHighWaterBytes / 2 else { return }
            isPaused = false
            // It waited for the peer, not for the loop.
            arrived = loop.latest
            input.take(handle(input.readable))
        }
        if hasUnreadInput, !isPaused, phase == .open { readAvailable() }
        if isOpen { updateInterest() }
    }

    /// The transport can go on, which no event of the socket tells.
    func goOn() {
        // Nothing is read for one that only has to end: what it has to say first is not said any more.
        guard phase == .open else { return close() }
        if !isPaused { readAvailable() }
        if isOpen { updateInterest() }
    }

    private func listForResuming() {
        guard !isListedForResuming else { return }
        isListedForResuming = true
        loop.needsResuming(self)
    }

    private func updateInterest() {
        var wanted = writeNeeds
        if phase == .open, !isPaused { wanted.formUnion(readNeeds) }
        guard wanted != interest else { return }
        interest = wanted
        loop.rewatch(raw, id: id, events: wanted)
    }

    // MARK: Reading

    private func readAvailable() {
        let buffer = loop.readBuffer
        let kept = input.count
        // What is long and incomplete grows in place; what is short is put before what comes now, so that one read stays large.
        guard kept <= buffer.count / 4 else { return readIntoInput() }
        if kept > 0 {
            buffer.copyMemory(from: input.readable)
            input.take(kept)
        }
        let count = read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[kept...]))
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<(kept + count)])
        // Nothing new: what was kept is still incomplete.
        let used = count > 0 ? handle(bytes) : 0
        if isOpen { input.append(UnsafeRawBufferPointer(rebasing: bytes[used...])) }
    }

    private func readIntoInput() {
        // Grows with what has arrived, not with what the peer says will come.
        let count = read(into: input.room(max(64 * 1024, min(input.count, limits.inputLimitBytes))))
        guard count > 0 else { return }
        input.commit(count)
        input.take(handle(input.readable))
        input.shrink(keeping: EventLoop.readBytes)
    }

    /// Bytes read; 0 when there are none now or never.
    private func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        while true {
            switch transport.read(raw, into: buffer) {
            case .bytes(let count, let hasMore):
                lastActivity = loop.now
                arrived = arrival
                hasUnreadInput = hasMore
                if hasMore { listForResuming() }
                // The read may have taken what a write waits for.
                if writeNeeds.contains(.readable) { listForFlush() }
                needToRead(.readable)
                return count
            case .blocked(let events):
                hasUnreadInput = false
                needToRead(events)
            // What was asked before still gets its answers.
            case .ended: finish()
            case .failed: close()
            case .refused(let reason): refuse(reason)
            case .replaced(let next):
                takeBack()
                transport = next
                next.begin(on: handle)
                continue
            case .opened:
                opened()
                if phase == .open { continue }
            }
            return 0
        }
    }

    private func opened() {
        lastActivity = loop.now
        needToRead(.readable)
        let work = onOpen.take()
        work?()
        if isOpen, !output.isEmpty { listForFlush() }
    }

    /// Of what was read now. The kernel knows when it got the last bytes; it is asked only when they may have waited.
    private var arrival: MonotonicInstant {
        guard loop.wasAway else { return loop.latest }
        let waited = Int64(max(0, crmq_milliseconds_since_data(raw)))
        return loop.latest.advanced(nanoseconds: -waited * 1_000_000)
    }

    private func needToRead(_ events: PollEvents) {
        guard events != readNeeds else { return }
        readNeeds = events
        updateInterest()
    }

    /// Lets the protocol handle `bytes`; returns how many it used.
    private func handle(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let channelProtocol else { return 0 }
        let used = channelProtocol.receive(bytes)
        precondition(used >= 0 && used <= bytes.count, "a protocol used more bytes than there were")
        guard phase == .open else { return used }
        if output.count > limits.outputHighWaterBytes {
            // Not yet written in this wake-up; `flush` decides whether reading has to stop.
            isPaused = true
        } else if bytes.count - used > limits.inputLimitBytes {
            logger.warning("closed \(remote): \(bytes.count - used) bytes wait for what completes them, limit \(limits.inputLimitBytes)")
            close()
        }
        return used
    }

    // MARK: Ending

    /// Closes, for a reason that whoever waits for the channel is told.
    func refuse(_ reason: String) {
        refusal = reason
        close()
    }

    /// Reads no more, and closes when all is written that waits.
    public func finish() {
        guard phase == .open else { return }
        phase = .finishing
        hasUnreadInput = false
        if output.isEmpty { close() } else { updateInterest() }
    }

    /// Writes what the socket takes at once and closes. ``ChannelProtocol/channelClosed()`` follows at the end of the wake-up.
    public func close() {
        guard phase != .closed else { return }
        phase = .closed
        borrower?.channelCloses()
        borrower = nil
        if !output.isEmpty { _ = output.write(raw, through: transport) }
        output.discard()
        transport.shutdown(raw)
        loop.unwatch(raw)
        socket = nil
        onOpen = nil
        onClose(self)
        // Bytes of `input` may be in use further up the stack.
        loop.deferToEnd { [self] in
            input.take(input.count)
            input.shrink()
            channelProtocol?.channelClosed()
            channelProtocol = nil
        }
    }

    /// Closes the channel when it was idle for too long, and gives back memory when it was idle for a while.
    /// Called by the sweep; returns the idle limit of an open channel.
    func sweep(now: MonotonicInstant) -> Int64 {
        if borrower != nil {
            // So it is known whether others have written. The flush lends it again.
            endLoan()
            askForFlush()
        }
        let idle = (now - lastActivity).nanoseconds
        if idle >= idleNanoseconds {
            logger.info("closed \(remote): idle for \(idle / 1_000_000) ms")
            close()
        } else if idle > idleNanoseconds / 10 {
            input.shrink()
            output.bytes.shrink()
        }
        return idleNanoseconds
    }
}
