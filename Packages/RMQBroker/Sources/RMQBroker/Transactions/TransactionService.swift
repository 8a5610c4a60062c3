import RMQRemoting
import RMQStore
import Synchronization

/// Asks producers about their half messages, again and again.
final class TransactionService: Service {
    private let broker: BrokerState
    private let periodic: PeriodicWork
    private let signal: StopSignal

    private final class StopSignal: Sendable {
        private let stopped = Atomic<Bool>(false)
        var isSet: Bool { stopped.load(ordering: .relaxed) }
        func set() { stopped.store(true, ordering: .relaxed) }
    }

    init(_ loops: EventLoopGroup, _ broker: BrokerState) {
        self.broker = broker
        let signal = StopSignal()
        self.signal = signal
        periodic = PeriodicWork(
            "transactions", on: loops.next(), every: .milliseconds(broker.live.current.transactionCheckMilliseconds), by: broker.workers.transactions
        ) {
            _ = TransactionCheck(broker: broker, isStopping: { signal.isSet }).run()
        }
    }

    func start() {
        // So that the first end of a transaction need not wait for it. A slave's log goes on, so it reads when it is a master.
        if broker.store.role == .master { _ = try? broker.transactions.whenLoaded {} }
        periodic.start()
    }

    /// Ends a round that is in work, too.
    func stop() {
        signal.set()
        periodic.stop()
    }
}
