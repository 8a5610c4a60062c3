import RMQCommon
import RMQRemoting
import RMQStore
import Synchronization

/// A slave's connection to its master, kept up for as long as the broker is a slave. On the replication loop only.
///
///     stopped ─start─► waiting for an address ─► comparing the logs ─► connecting ─► following
///                          ▲      ▲                     │                  │             │
///                          │      └─── a pause, 1 to 5 s ◄─────────────────┴── lost ◄────┘
///                          └────────── a minute, when the logs differ
final class ReplicaLink {
    /// Looks whether the log of the master at that place goes on behind this one; answers on any thread, once. It may leave off when that is
    /// not wanted any more.
    typealias Comparison = @Sendable (
        MasterPlace, _ isWanted: @escaping @Sendable () -> Bool, _ verdict: @escaping @Sendable (LogVerdict) -> Void
    ) -> Void

    private enum Phase {
        case stopped
        /// For an address or the end of a pause.
        case waiting
        case comparing(MasterPlace)
        case connecting(MasterPlace, ChannelConnector)
        case following(MasterPlace, Channel, ReplicaReceiver)
    }

    private let loop: EventLoop
    private let store: MessageStore
    private let settings: ReplicationConfiguration
    private let state: ReplicationState
    private let compare: Comparison
    /// Has the name servers asked who the master is; they answer to ``state``.
    private let askForMaster: () -> Void
    private let transport: (_ address: String) -> TransportMaker
    private let logger: Logger
    private var phase = Phase.stopped
    private let attempts = Attempts()
    private var pause: Duration

    init(
        loop: EventLoop, store: MessageStore, settings: ReplicationConfiguration, state: ReplicationState,
        transport: @escaping (_ address: String) -> TransportMaker, compare: @escaping Comparison, askForMaster: @escaping () -> Void,
        logger: Logger
    ) {
        self.askForMaster = askForMaster
        self.transport = transport
        self.loop = loop
        self.store = store
        self.settings = settings
        self.state = state
        self.compare = compare
        self.logger = logger
        pause = settings.firstPause
    }

    /// Numbers attempts: an answer to an earlier one than the latest is none.
    private final class Attempts: Sendable {
        private let latest = Atomic(0)

        var number: Int { latest.load(ordering: .relaxed) }

        func begin() { latest.add(1, ordering: .relaxed) }
    }

    private var attempt: Int { attempts.number }

    // MARK: From outside

    /// Begins to follow. Harmless when repeated.
    func start() {
        guard case .stopped = phase else { return }
        pause = settings.firstPause
        wait()
        tryNow()
    }

    /// Follows no more: nothing is appended when this returns.
    func stop() {
        leave()
        phase = .stopped
        state.link = .none
    }

    /// Somebody said where the master is.
    func masterMayHaveChanged() {
        switch phase {
        case .stopped: return
        case .waiting:
            // Whatever the pause was for, this may be another one.
            pause = settings.firstPause
            tryNow()
        case .comparing(let place), .connecting(let place, _), .following(let place, _, _):
            guard state.master?.replicationAddress.isExactly(place.replicationAddress) != true else { return }
            logger.info("the master replicates from \(state.master?.replicationAddress ?? "nowhere known") now, and not from \(place.replicationAddress) any more")
            leave()
            wait()
            tryNow()
        }
    }

    // MARK: Steps

    private func wait() { phase = .waiting }

    private func leave() {
        attempts.begin()
        switch phase {
        case .connecting(_, let connector): connector.cancel()
        case .following(_, let channel, _): channel.close()
        case .stopped, .waiting, .comparing: break
        }
    }

    private func tryNow() {
        guard case .waiting = phase else { return }
        attempts.begin()
        guard let place = state.master else {
            state.link = .unknownMaster
            return waitForMaster()
        }
        phase = .comparing(place)
        state.link = .connecting(to: place.replicationAddress)
        let (bound, attempt) = (LoopBound(self, loop: loop), attempt)
        compare(place) { [attempts] in
            attempts.number == attempt
        } _: { verdict in
            bound.post { $0.compared(verdict, place, attempt) }
        }
    }

    /// Name servers say who it is when this broker registers, and otherwise that is twice a minute only.
    private func waitForMaster() {
        let attempt = attempt
        loop.scheduleLocally(after: settings.longestPause) { [weak self] in
            guard let self, attempt == self.attempt else { return }
            askForMaster()
            tryNow()
        }
    }

    private func compared(_ verdict: LogVerdict, _ place: MasterPlace, _ attempt: Int) {
        guard attempt == self.attempt, case .comparing = phase else { return }
        switch verdict {
        case .agrees: connect(to: place)
        case .unknown(let reason): retry(after: nextPause(), because: reason)
        case .differs(let reason): stopOnDifference(reason)
        }
    }

    private func connect(to place: MasterPlace) {
        let limits = ChannelLimits(
            idleTimeout: settings.housekeepingInterval * 4, inputLimitBytes: Int(ReplicationStream.pieceLimit) + ReplicationHeader.byteCount,
            outputHighWaterBytes: 1 << 20, outputLimitBytes: 1 << 20)
        let connector = ChannelConnector(
            place.replicationAddress, timeout: .seconds(3), limits: limits, loop: loop, logger: logger, makeTransport: transport(place.replicationAddress))
        phase = .connecting(place, connector)
        let attempt = attempt
        connector.connect { [weak self] result in self?.connected(result, place, attempt) }
    }

    private func connected(_ result: Result<Channel, RemotingError>, _ place: MasterPlace, _ attempt: Int) {
        switch result {
        case .failure(let error):
            guard attempt == self.attempt else { return }
            retry(after: nextPause(), because: "\(error)")
        case .success(let channel):
            guard attempt == self.attempt else { return channel.close() }
            let receiver = ReplicaReceiver(channel, store: store, settings: settings) { [weak self] end in
                guard let self else { return }
                // It works.
                self.pause = self.settings.firstPause
                state.received(to: end, at: loop.now)
            } ended: { [weak self] end in
                self?.ended(end, attempt)
            }
            channel.start(receiver)
            phase = .following(place, channel, receiver)
            state.link = .following(place.replicationAddress)
            // Whoever is made the master soon has to know them.
            state.tablesMayHaveChanged()
            logger.info("follows the master at \(place.replicationAddress) from \(store.maxPhysicalOffset) on")
        }
    }

    private func ended(_ end: ReplicaEnd, _ attempt: Int) {
        guard attempt == self.attempt, case .following(let place, _, _) = phase else { return }
        wait()
        let from = "the stream of the master at \(place.replicationAddress) ended"
        switch end {
        case .lost(let reason): retry(after: nextPause(), because: "\(from): \(reason)")
        case .garbled(let reason):
            retry(after: nextPause(), because: "\(from): \(reason); nothing of that was kept")
        // The next comparison tells whether it was spoiled or is another log.
        case .differs(let reason): retry(after: nextPause(), because: "\(from): \(reason)")
        case .store(.segmentMismatch(let offset, let segmentBytes)):
            stopOnDifference("\(StoreError.segmentMismatch(offset: offset, segmentBytes: segmentBytes)), and let this slave begin with an empty store")
        case .store(.notReplica), .store(.notRunning): break
        case .store(let error): retry(after: settings.longestPause, because: "what the master sent cannot be stored: \(error)")
        }
    }

    // MARK: Pauses

    private func nextPause() -> Duration {
        defer { pause = min(pause * 2, settings.longestPause) }
        return pause
    }

    private func retry(after pause: Duration, because reason: String) {
        logger.warning("\(reason); the next attempt comes in \(pause)")
        state.link = .pausing(reason: reason)
        tryAgain(after: pause)
    }

    private func stopOnDifference(_ reason: String) {
        logger.error("this slave does not follow its master: \(reason)")
        state.link = .stopped(reason: reason)
        tryAgain(after: settings.pauseOnDifference)
    }

    private func tryAgain(after pause: Duration) {
        wait()
        let attempt = attempt
        loop.scheduleLocally(after: pause) { [weak self] in
            guard let self, attempt == self.attempt else { return }
            tryNow()
        }
    }
}
