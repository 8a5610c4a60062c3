import CRMQSystem
import Glibc
import RMQCommon

/// The listening socket of a server, on one loop.
final class Listener: EventSource {
    /// Connections accepted per wake-up; the others come with the next.
    private static let batch = 64
    /// Descriptors that connections leave to the rest of the process, at most a quarter of all: a store that cannot open
    /// its next file stops, a client that is refused tries again.
    private static let sparedDescriptors = 256
    /// Pause after the process ran out of descriptors: the socket stays readable and would be asked for ever.
    private static let pause = Duration.seconds(1)

    private let descriptor: Int32
    private let id: UInt64
    private let stations: [LoopBound<ServerStation>]
    private let openConnections: SharedCount
    private let maxConnections: Int
    /// The kernel hands out the lowest free number, so the number of an accepted socket says how many are in use.
    private let descriptorLimit: Int
    private unowned let loop: EventLoop
    private let logger: Logger
    private var turn = 0
    private var isOpen = true
    private var isRefusing = false

    init(
        _ descriptor: Int32, stations: [LoopBound<ServerStation>], openConnections: SharedCount, maxConnections: Int,
        loop: EventLoop, logger: Logger
    ) {
        self.descriptor = descriptor
        id = SourceId.make(descriptor)
        self.stations = stations
        self.openConnections = openConnections
        self.maxConnections = maxConnections
        let descriptors = OpenFiles.limit
        descriptorLimit = descriptors - min(Self.sparedDescriptors, descriptors / 4)
        self.loop = loop
        self.logger = logger
    }

    func start() {
        guard isOpen, !loop.watch(descriptor, id: id, events: .readable, self) else { return }
        logger.error("cannot watch the listening socket: \(Socket.text(errno))")
    }

    func stop() {
        guard isOpen else { return }
        isOpen = false
        loop.unwatch(descriptor)
        close(descriptor)
    }

    func loopStopped() { stop() }

    func ready(_ events: PollEvents) {
        for _ in 0..<Self.batch {
            var storage = sockaddr_storage()
            let accepted = crmq_accept(descriptor, &storage)
            switch -accepted {
            case ...0: deal(accepted, SocketAddress(accepted: storage).host)
            case EAGAIN: return
            case EINTR, ECONNABORTED, EPROTO: continue
            default: return rest(after: -accepted)
            }
        }
    }

    private func deal(_ accepted: Int32, _ remote: HostAddress) {
        guard openConnections.value < maxConnections, accepted < descriptorLimit else {
            close(accepted)
            if !isRefusing {
                let limit = accepted < descriptorLimit ? "\(maxConnections) connections" : "\(descriptorLimit) files and sockets"
                logger.warning("refused \(remote): \(limit) are open, the limit")
            }
            isRefusing = true
            return
        }
        isRefusing = false
        openConnections.add(1)
        _ = crmq_set_nodelay(accepted)
        let station = stations[turn]
        turn = (turn + 1) % stations.count
        let sent = station.loop.post(.run { station.value.adopt(accepted, remote: remote, on: station.loop) })
        if !sent {
            close(accepted)
            openConnections.add(-1)
        }
    }

    private func rest(after code: Int32) {
        logger.error("accepting rests for \(Self.pause): \(Socket.text(code))")
        loop.rewatch(descriptor, id: id, events: [])
        loop.scheduleLocally(after: Self.pause) { [self] in
            if isOpen { loop.rewatch(descriptor, id: id, events: .readable) }
        }
    }
}

/// `host:port` texts, with brackets around IPv6 addresses.
enum HostText {
    static func joined(_ host: String, _ port: UInt16) -> String {
        host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// Host and port of `host:port` or `[v6]:port`; nil when there is no port.
    static func split(_ text: String) -> (host: String, port: UInt16)? {
        guard let (before, after) = text.cut(atLast: ":"), let port = UInt16(after), port > 0 else { return nil }
        let host = before.droppingBytePrefix("[")?.droppingByteSuffix("]") ?? before
        return host.isEmpty ? nil : (host, port)
    }
}
