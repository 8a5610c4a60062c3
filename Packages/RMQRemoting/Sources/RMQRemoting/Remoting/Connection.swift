public import RMQCommon

/// One peer that speaks remoting frames. Belongs to its loop's thread; other threads hold its ``handle``.
///
/// Frames are cut and handled where they lie in the loop's memory; answers go straight into the channel's output.
public final class Connection: ChannelProtocol, SocketBorrower {
    /// Never given twice in one process.
    public let id: UInt64
    /// The peer's address.
    public let remote: HostAddress
    /// The loop on whose thread all of it is used.
    public let loop: EventLoop

    let channel: Channel
    private let maxFrameBytes: Int
    private let handler: any RequestHandler
    private let scratch: HeaderScratch
    private var exchange = RequestExchange()
    /// What tasks ask of this peer; nil for the connections of a server.
    private let outbox: Outbox?
    /// The outbox has output that was not taken yet.
    private var isOutboxFilled = false
    /// The peer has said something.
    private var hasHeard = false
    /// Answers of this read to what the outbox sent.
    private var answers: [Outbox.Answer] = []
    /// Nothing is taken from the outbox while more than this waits to be written: what stays there still leaves by its deadline.
    private static let mostWaitingBytes = 256 * 1024

    init(_ channel: Channel, handler: any RequestHandler, outbox: Outbox? = nil) {
        id = channel.id
        remote = channel.remote
        loop = channel.loop
        self.channel = channel
        maxFrameBytes = channel.limits.inputLimitBytes
        self.handler = handler
        self.outbox = outbox
        scratch = channel.loop.local(HeaderScratch.init)
    }

    var isOpen: Bool { channel.isOpen }

    /// For how long the request that is handled now has waited at least, in nanoseconds: 0 unless the loop was away. On the loop only.
    public var waitedNanoseconds: Int64 { loop.latest.nanoseconds - channel.arrived.nanoseconds }

    /// For other threads.
    public var handle: ConnectionHandle { ConnectionHandle(id: id, remote: remote, loop: loop) }

    /// For an answer that is given later, from whatever thread.
    public func replyHandle(for request: InboundFrame) -> ReplyHandle {
        ReplyHandle(connectionId: id, ticket: request.ticket, loop: loop)
    }

    // MARK: Answering

    /// Answers `request` in its serialization; silent when it was one-way.
    public func reply(_ command: RemotingCommand, to request: InboundFrame) { reply(command, to: request.ticket) }

    /// Answers a request of this wake-up or of an earlier one.
    public func reply(_ command: RemotingCommand, to ticket: ReplyTicket) {
        guard !ticket.isOneway else { return }
        channel.write(command.encoded(answering: ticket))
    }

    /// Sends a request to the peer that it must not answer.
    public func sendOneway(_ command: RemotingCommand) {
        var command = command
        command.opaque = Opaque.next()
        command.isOneway = true
        channel.write(command.encoded())
    }

    /// Writes what the socket takes at once and closes. ``RequestHandler/connectionClosed(_:)`` follows at the end of the wake-up.
    public func close() { channel.close() }

    // MARK: Asking

    /// Sends a request of our own; its completion is called on the loop.
    func send(_ request: OutboundRequest) {
        guard !request.isCompleted else { return }
        guard channel.isReading else { return request.complete(.failure(.connectionClosed(address: request.address))) }
        guard request.frame.count <= maxFrameBytes else {
            return request.complete(.failure(.frameTooLarge(bytes: request.frame.count, limit: maxFrameBytes)))
        }
        channel.takeBack()
        let limit = channel.limits.outputLimitBytes
        guard channel.waitingBytes + request.frame.count <= limit else {
            return request.complete(.failure(.overloaded(address: request.address, limitBytes: limit)))
        }
        channel.write(request.frame)
        if request.isOneway { return request.complete(.success(RemotingCommand(code: 0))) }
        if exchange.add(request) { scheduleTimeouts() }
    }

    /// The outbox has something to write.
    func outboxFilled() {
        isOutboxFilled = true
        channel.askForFlush()
    }

    /// Takes what is in the outbox, once what was taken before is written or nearly so. While there is nothing to write, the outbox has the
    /// socket: so a lone send does not wake the loop, which would only pass it on.
    public func fillOutput() {
        guard let outbox else { return }
        if isOutboxFilled {
            guard channel.isReading, channel.waitingBytes <= Self.mostWaitingBytes else { return }
            isOutboxFilled = false
            outbox.take(into: &channel.output.bytes)
        } else if let socket = channel.lend(to: self), !outbox.lend(socket) {
            channel.takeBack()
        }
    }

    func takeBack() -> Bool {
        guard let outbox else { return false }
        isOutboxFilled = false
        return outbox.take(into: &channel.output.bytes)
    }

    func channelCloses() { outbox?.stop() }

    private func scheduleTimeouts() {
        guard let next = exchange.nextCheck else { return }
        loop.scheduleLocally(at: next) { [weak self] in
            guard let self, exchange.expire(now: loop.now) else { return }
            scheduleTimeouts()
        }
    }

    // MARK: Frames

    /// Handles the complete frames at the start of `bytes`.
    public func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
        var at = 0
        while channel.takesMore {
            guard bytes.count - at >= 4 else { break }
            let length = Int(bytes.bigEndian(at: at, as: Int32.self))
            guard length >= 4, length <= maxFrameBytes - 4 else {
                closeBecause("frame of \(length) bytes, allowed are 4 to \(maxFrameBytes - 4)")
                break
            }
            guard bytes.count - at - 4 >= length else { break }
            hasHeard = true
            handleFrame(UnsafeRawBufferPointer(rebasing: bytes[(at + 4)..<(at + 4 + length)]))
            at += 4 + length
        }
        if !answers.isEmpty { outbox?.complete(&answers) }
        return at
    }

    private func handleFrame(_ frame: UnsafeRawBufferPointer) {
        do throws(FrameError) {
            let inbound = try InboundFrame(frame, scratch: scratch)
            guard inbound.isResponse else { return handler.receive(inbound, on: self) }
            if Outbox.owns(inbound.opaque), outbox != nil {
                let outcome = try Self.outcome(inbound)
                return answers.append(Outbox.Answer(number: inbound.opaque, outcome: outcome))
            }
            // Read before its request leaves the table: an answer that cannot be read closes the connection, which fails the request.
            let answer = try inbound.command()
            // One whose request has ended is dropped.
            exchange.remove(inbound.opaque)?.complete(.success(answer))
        } catch {
            closeBecause("\(error)")
        }
    }

    private static func outcome(_ answer: InboundFrame) throws(FrameError) -> PendingRequest.Outcome {
        switch Outbox.Kind(answer.opaque) {
        case .send: if let stored = StoredAnswer(answer) { return .stored(stored) }
        case .pull: if let pulled = PullAnswer(answer) { return .pulled(pulled) }
        }
        return .other(try answer.command())
    }

    private func closeBecause(_ reason: String) {
        channel.logger.warning("closed \(remote): \(reason)")
        close()
    }

    public func channelClosed() {
        // With TLS 1.3 a client may be refused after its own part of the handshake is done.
        let refusal = hasHeard ? nil : channel.refusal
        outbox?.close(refusal)
        for request in exchange.removeAll() { request.complete(.failure(.lost(request.address, refusal))) }
        handler.connectionClosed(self)
    }
}

extension EventLoop {
    /// An open connection of this loop; nil when it closed. On the loop only.
    public func connection(_ id: UInt64) -> Connection? { (source(id) as? Channel)?.spoken as? Connection }
}
