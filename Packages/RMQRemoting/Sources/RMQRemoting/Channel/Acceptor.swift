import RMQCommon
import Synchronization

/// What a server has on one loop: makes a channel, with the protocol of its port, of each socket that is assigned to the loop.
final class Acceptor: WakeUpObserver {
    private let limits: ChannelLimits
    private let openChannels: SharedCount
    private let makeTransport: TransportMaker
    private let logger: Logger
    /// Nil before the start and after the stop.
    private var service: (any ChannelService)?
    private var channels: [UInt64: Channel] = [:]

    init(limits: ChannelLimits, openChannels: SharedCount, makeTransport: @escaping TransportMaker, logger: Logger) {
        self.limits = limits
        self.openChannels = openChannels
        self.makeTransport = makeTransport
        self.logger = logger
    }

    func start(_ service: any ChannelService, on loop: EventLoop) {
        self.service = service
        loop.add(self)
    }

    func wakeUpEnded() { service?.wakeUpEnded() }

    /// Opens a channel that was counted already.
    fileprivate func accept(_ socket: consuming Descriptor, remote: HostAddress, on loop: EventLoop) {
        guard let service else { return openChannels.add(-1) }
        let channel = Channel(
            socket, remote: remote, loop: loop, transport: makeTransport(), limits: limits, logger: logger
        ) { [weak self, openChannels] closed in
            self?.channels[closed.id] = nil
            openChannels.add(-1)
        }
        guard let channel else { return openChannels.add(-1) }
        channels[channel.id] = channel
        channel.start(service.makeProtocol(for: channel))
    }

    func stop(on loop: EventLoop) {
        // What this wake-up brought is not lost with its end.
        service?.wakeUpEnded()
        service = nil
        loop.remove(self)
        for channel in Array(channels.values) { channel.close() }
    }
}

/// A socket on its way to the loop that will serve it. Closed with its message when that does not arrive.
final class AcceptedSocket: LoopMessage {
    private let socket: Mutex<Descriptor?>
    private let remote: HostAddress
    private let acceptor: LoopBound<Acceptor>
    private let openChannels: SharedCount

    init(_ socket: consuming Descriptor, remote: HostAddress, acceptor: LoopBound<Acceptor>, openChannels: SharedCount) {
        self.socket = Mutex(consume socket)
        self.remote = remote
        self.acceptor = acceptor
        self.openChannels = openChannels
    }

    func deliver(on loop: EventLoop) {
        guard let socket = take() else { return }
        acceptor.value.accept(socket, remote: remote, on: loop)
    }

    func drop() {
        if take() != nil { openChannels.add(-1) }
    }

    private func take() -> Descriptor? { socket.withLock { $0.take() } }
}
