import CRMQSystem
import Glibc
import RMQCommon

/// The listening socket of a server, on one loop: takes connections in and assigns them in turn to the acceptors of all loops.
final class Listener: EventSource {
    /// Connections accepted per wake-up; the others come with the next.
    private static let batch = 64
    /// Descriptors that connections leave to the rest of the process, at most a quarter of all: a store that cannot open
    /// its next file stops, a client that is refused tries again.
    private static let sparedDescriptors = 256
    /// Pause after the process ran out of descriptors: the socket stays readable and would be asked for ever.
    private static let pause = Duration.seconds(1)

    private var socket: Descriptor?
    private let raw: Int32
    private let id: UInt64
    private let acceptors: [LoopBound<Acceptor>]
    private let openChannels: SharedCount
    private let maxConnections: Int
    /// The kernel hands out the lowest free number, so the number of an accepted socket says how many are in use.
    private let descriptorLimit: Int
    private unowned let loop: EventLoop
    private let logger: Logger
    private var turn = 0
    private var isRefusing = false

    init(
        _ socket: consuming Descriptor, acceptors: [LoopBound<Acceptor>], openChannels: SharedCount, maxConnections: Int,
        loop: EventLoop, logger: Logger
    ) {
        raw = socket.raw
        id = SourceId.make(raw)
        self.socket = consume socket
        self.acceptors = acceptors
        self.openChannels = openChannels
        self.maxConnections = maxConnections
        let descriptors = OpenFiles.limit
        descriptorLimit = descriptors - min(Self.sparedDescriptors, descriptors / 4)
        self.loop = loop
        self.logger = logger
    }

    func start() {
        guard socket != nil, !loop.watch(raw, id: id, events: .readable, self) else { return }
        logger.error("cannot watch the listening socket: \(Socket.text(errno))")
    }

    func stop() {
        guard socket != nil else { return }
        loop.unwatch(raw)
        socket = nil
    }

    func loopStopped() { stop() }

    func ready(_ events: PollEvents) {
        for _ in 0..<Self.batch {
            var storage = sockaddr_storage()
            let accepted = crmq_accept(raw, &storage)
            switch -accepted {
            case ...0: assign(Descriptor(adopting: accepted), SocketAddress(accepted: storage).host)
            case EAGAIN: return
            case EINTR, ECONNABORTED, EPROTO: continue
            default: return pause(after: -accepted)
            }
        }
    }

    private func assign(_ accepted: consuming Descriptor, _ remote: HostAddress) {
        let number = accepted.raw
        guard openChannels.value < maxConnections, number < descriptorLimit else {
            if !isRefusing {
                let limit = number < descriptorLimit ? "\(maxConnections) connections" : "\(descriptorLimit) files and sockets"
                logger.warning("refused \(remote): \(limit) are open, the limit")
            }
            isRefusing = true
            return
        }
        isRefusing = false
        openChannels.add(1)
        _ = crmq_set_nodelay(number)
        let acceptor = acceptors[turn]
        turn = (turn + 1) % acceptors.count
        acceptor.loop.post(AcceptedSocket(accepted, remote: remote, acceptor: acceptor, openChannels: openChannels))
    }

    private func pause(after code: Int32) {
        logger.error("accepting rests for \(Self.pause): \(Socket.text(code))")
        loop.rewatch(raw, id: id, events: [])
        loop.scheduleLocally(after: Self.pause) { [self] in
            if socket != nil { loop.rewatch(raw, id: id, events: .readable) }
        }
    }
}
