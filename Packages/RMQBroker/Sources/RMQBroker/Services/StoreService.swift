import RMQCommon
import RMQStore

/// The store, from taking messages to being closed. It was opened, and so recovered, before.
final class StoreService: Service {
    private let broker: BrokerState

    init(_ broker: BrokerState) { self.broker = broker }

    func start() throws(BrokerError) {
        let store = broker.store
        store.setDeliveryListener { [weak broker] delivery in
            guard let broker else { return }
            if delivery.isReadable { broker.messageArrived(topic: delivery.topic, queueId: delivery.queueId) }
            if broker.live.current.countsDeliveries { broker.statistics.count(delivery) }
        }
        // What an append publishes wakes the pulls of its own queue itself.
        store.setArrivalListener(hearsAppends: store.configuration.dispatchesToSeveral) { [weak broker] topic, queueId, _, _ in
            broker?.messageArrived(topic: topic, queueId: queueId)
        }
        do {
            try store.start()
        } catch {
            throw .store(reason: "\(error)")
        }
    }

    /// Harmless when repeated, and for a store that never started.
    func stop() {
        do {
            try broker.store.close()
        } catch {
            broker.logger.error("closing the store: \(error)")
        }
    }
}
