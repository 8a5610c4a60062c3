import RMQCommon
import RMQStore

/// The store, from taking messages to being closed. It was opened, and so recovered, before.
final class StoreService: Service {
    private let broker: BrokerState

    init(_ broker: BrokerState) { self.broker = broker }

    func start() throws(BrokerError) {
        let store = broker.store
        store.setDeliveryListener { [weak broker] topic, queueId in broker?.messageArrived(topic: topic, queueId: queueId) }
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
