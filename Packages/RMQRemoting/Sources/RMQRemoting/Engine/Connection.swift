import CRMQSystem
import Glibc
public import RMQCommon

/// One peer. Belongs to its loop's thread; other threads hold its ``handle``.
///
/// Reading: as much as the socket has (up to 256 KiB) into the loop's scratch memory, frames cut in place; only an
/// incomplete frame is kept, so that idle connections hold no memory. Writing: answers gather in `output` and go
/// out with one system call at the end of the wake-up.
public final class Connection: EventSource {
    public let id: UInt64
    public let remote: HostAddress
    public let loop: EventLoop

    private let descriptor: Int32
    private let limits: ConnectionLimits
    private let handler: any RequestHandler
    private let logger: Logger
    private let onClose: (Connection) -> Void
    private var interest: PollEvents = .readable

    var input = ByteQueue()
    var output = OutputQueue()
    private(set) var isOpen = true
    /// No frame is handled and nothing read: the peer has to take its answers first.
    private var isPaused = false
    private var isWaitingToWrite = false
    private var isListedForWriting = false
    private var isListedForResuming = false
    private(set) var lastActivity: MonotonicInstant
    private var exchange = RequestExchange()

    /// Takes over `descriptor`; nil (and closed) when the loop cannot watch it.
    init?(
        adopting descriptor: Int32, remote: HostAddress, loop: EventLoop, limits: ConnectionLimits,
        handler: any RequestHandler, logger: Logger, onClose: @escaping (Connection) -> Void
    ) {
        id = SourceId.make(descriptor)
        self.remote = remote
        self.loop = loop
        self.descriptor = descriptor
        self.limits = limits
        self.handler = handler
        self.logger = logger
        self.onClose = onClose
        lastActivity = loop.now
        guard loop.watch(descriptor, id: id, events: .readable, self) else {
            Glibc.close(descriptor)
            return nil
        }
        loop.sweeper.added(idleNanoseconds: limits.idleNanoseconds, on: loop)
    }

    /// For other threads.
    public var handle: ConnectionHandle { ConnectionHandle(id: id, remote: remote, loop: loop) }

    /// For an answer that is given later, from whatever thread.
    public func replyHandle(for request: InboundRequest) -> ReplyHandle {
        ReplyHandle(connectionId: id, ticket: request.ticket, loop: loop)
    }

    // MARK: Answering

    /// Answers `request` in its serialization; silent when it was one-way.
    public func reply(_ command: RemotingCommand, to request: InboundRequest) { reply(command, to: request.ticket) }

    /// Answers a request of this wake-up or of an earlier one.
    public func reply(_ command: RemotingCommand, to ticket: ReplyTicket) {
        guard !ticket.isOneway else { return }
        write(command.encoded(answering: ticket))
    }

    /// Sends a request to the peer that it must not answer.
    public func sendOneway(_ command: RemotingCommand) {
        var command = command
        command.opaque = Opaque.next()
        command.isOneway = true
        write(command.encoded())
    }

    func write(_ frame: [UInt8]) {
        guard isOpen else { return }
        frame.withUnsafeBytes { output.bytes.append($0) }
        outputGrew()
    }

    /// To be called after something was added to `output`.
    func outputGrew() {
        if output.count > limits.outputLimitBytes {
            logger.warning("closed \(remote): \(output.count) bytes wait to be written, limit \(limits.outputLimitBytes); the peer does not read")
            return close()
        }
        guard !isListedForWriting, !isWaitingToWrite else { return }
        isListedForWriting = true
        loop.needsWriting(self)
    }

    // MARK: Asking

    /// Sends a request of our own; its completion is called on the loop.
    func send(_ request: OutboundRequest) {
        guard !request.isCompleted else { return }
        guard isOpen else { return request.complete(.failure(.connectionClosed(address: request.address))) }
        guard request.frame.count <= limits.maxFrameBytes else {
            return request.complete(.failure(.frameTooLarge(bytes: request.frame.count, limit: limits.maxFrameBytes)))
        }
        guard output.count + request.frame.count <= limits.outputLimitBytes else {
            return request.complete(.failure(.overloaded(address: request.address, limitBytes: limits.outputLimitBytes)))
        }
        write(request.frame)
        if request.isOneway { return request.complete(.success(RemotingCommand(code: 0))) }
        if exchange.add(request) { scheduleTimeouts() }
    }

    private func scheduleTimeouts() {
        guard let next = exchange.nextCheck else { return }
        loop.scheduleLocally(at: next) { [weak self] in
            guard let self, exchange.expire(now: loop.now) else { return }
            scheduleTimeouts()
        }
    }

    // MARK: Events

    func ready(_ events: PollEvents) {
        if events.contains(.writable) { flush() }
        guard isOpen else { return }
        if !isPaused {
            if !events.isDisjoint(with: [.readable, .failed, .hungUp]) { readAvailable() }
        } else if !events.isDisjoint(with: [.failed, .hungUp]) {
            close()
        }
    }

    func loopStopped() { close() }

    /// Writes what waits; called once at the end of a wake-up and when the socket takes bytes again.
    func flush() {
        isListedForWriting = false
        guard isOpen else { return }
        let before = output.count
        switch output.write(to: descriptor) {
        case .drained: isWaitingToWrite = false
        case .blocked: isWaitingToWrite = true
        case .failed: return close()
        }
        if output.count < before { lastActivity = loop.now }
        if isPaused, output.count <= limits.outputHighWaterBytes / 2, !isListedForResuming {
            isListedForResuming = true
            loop.needsResuming(self)
        }
        updateInterest()
    }

    /// Goes on with the frames that were left when the output was too long.
    func resumeReading() {
        isListedForResuming = false
        guard isOpen, isPaused else { return }
        isPaused = false
        input.take(handleFrames(input.readable))
        if isOpen { updateInterest() }
    }

    private func updateInterest() {
        var wanted: PollEvents = []
        if !isPaused { wanted.insert(.readable) }
        if isWaitingToWrite { wanted.insert(.writable) }
        guard wanted != interest else { return }
        interest = wanted
        loop.rewatch(descriptor, id: id, events: wanted)
    }

    // MARK: Reading

    private func readAvailable() {
        let scratch = loop.scratch.read
        let kept = input.count
        // A long incomplete frame grows in place; a short one is put before what comes now, so that one read stays large.
        guard kept <= scratch.count / 4 else { return readIntoInput() }
        if kept > 0 {
            scratch.copyMemory(from: input.readable)
            input.take(kept)
        }
        let count = crmq_read(descriptor, scratch.baseAddress! + kept, scratch.count - kept)
        guard count > 0 else {
            input.append(UnsafeRawBufferPointer(rebasing: scratch[..<kept]))
            return readFailed(count)
        }
        lastActivity = loop.now
        let bytes = UnsafeRawBufferPointer(rebasing: scratch[..<(kept + count)])
        let used = handleFrames(bytes)
        if isOpen { input.append(UnsafeRawBufferPointer(rebasing: bytes[used...])) }
    }

    private func readIntoInput() {
        // Grows with what has arrived, not with what the length word promises.
        let room = input.room(max(64 * 1024, min(input.count, limits.maxFrameBytes)))
        let count = crmq_read(descriptor, room.baseAddress, room.count)
        guard count > 0 else { return readFailed(count) }
        lastActivity = loop.now
        input.commit(count)
        input.take(handleFrames(input.readable))
        input.shrink(keeping: LoopScratch.readBytes)
    }

    private func readFailed(_ result: Int) {
        guard result != -Int(EAGAIN), result != -Int(EINTR) else { return }
        close()
    }

    /// Handles the complete frames at the start of `bytes` and returns how many bytes they have.
    private func handleFrames(_ bytes: UnsafeRawBufferPointer) -> Int {
        var at = 0
        while isOpen {
            if output.count > limits.outputHighWaterBytes {
                isPaused = true
                // Not yet written in this wake-up; `flush` decides whether reading has to stop.
                break
            }
            guard bytes.count - at >= 4 else { break }
            let length = Int(bytes.bigEndian(at: at, as: Int32.self))
            guard length >= 4, length <= limits.maxFrameBytes - 4 else {
                logger.warning("closed \(remote): frame of \(length) bytes, allowed are 4 to \(limits.maxFrameBytes - 4)")
                close()
                break
            }
            guard bytes.count - at - 4 >= length else { break }
            handleFrame(UnsafeRawBufferPointer(rebasing: bytes[(at + 4)..<(at + 4 + length)]))
            at += 4 + length
        }
        return at
    }

    private func handleFrame(_ frame: UnsafeRawBufferPointer) {
        do throws(FrameError) {
            let request = try InboundRequest(frame: frame, scratch: loop.scratch)
            guard request.isResponse else { return handler.receive(request, on: self) }
            // Read before its request leaves the table: an answer that cannot be read closes the connection, which fails the request.
            let answer = try request.command()
            // One that nobody waits for any more is dropped.
            exchange.remove(request.opaque)?.complete(.success(answer))
        } catch {
            logger.warning("closed \(remote): \(error)")
            close()
        }
    }

    // MARK: Closing

    /// Writes what the socket takes at once and closes. ``RequestHandler/connectionClosed(_:)`` follows at the end of the wake-up.
    public func close() {
        guard isOpen else { return }
        isOpen = false
        _ = output.write(to: descriptor)
        output.discard()
        loop.unwatch(descriptor)
        Glibc.close(descriptor)
        for request in exchange.removeAll() { request.complete(.failure(.connectionClosed(address: request.address))) }
        onClose(self)
        // Frames of `input` may be in use further up the stack.
        loop.deferToEnd { [self] in
            input.take(input.count)
            input.shrink()
            handler.connectionClosed(self)
        }
    }

    /// Closes the connection when it was idle for too long, and gives back memory when it was idle for a while.
    /// Called by the sweep; returns the idle limit of an open connection.
    func sweep(now: MonotonicInstant) -> Int64 {
        let idle = (now - lastActivity).nanoseconds
        if idle >= limits.idleNanoseconds {
            logger.info("closed \(remote): idle for \(idle / 1_000_000) ms")
            close()
        } else if idle > limits.idleNanoseconds / 10 {
            input.shrink()
            output.bytes.shrink()
        }
        return limits.idleNanoseconds
    }
}
