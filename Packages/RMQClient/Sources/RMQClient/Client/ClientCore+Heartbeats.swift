import RMQCommon
import RMQRemoting
import Synchronization

/// Telling brokers who is here, and who is not any more. Failures are logged: the next heartbeat mends them.
extension ClientCore {
    /// Tells the brokers who is here: every broker when there is a consumer, else masters only.
    ///
    /// Callers that arrive while a round runs share the next one.
    func sendHeartbeats() async {
        let asked = heartbeatRounds.load(ordering: .acquiring)
        await announcements.run {
            guard heartbeatRounds.load(ordering: .acquiring) == asked else { return }
            heartbeatRounds.wrappingAdd(1, ordering: .acquiringAndReleasing)
            await heartbeatRound()
        }
    }

    private func heartbeatRound() async {
        let consumers = groups.consumers.filter(\.isRunning)
        let producers = groups.producers
        guard !(consumers.isEmpty && producers.isEmpty) else { return }
        let heartbeat = HeartbeatData {
            $0.clientId = clientId
            $0.producers = (producers + [SystemGroup.innerProducer]).map { ProducerData(group: $0) }
            $0.consumers = consumers.map(\.heartbeat)
        }
        let command = RemotingCommand(.heartBeat, body: heartbeat.body)
        let addresses = routes.brokerAddresses
        brokerVersions.withLock { versions in versions = versions.filter { addresses.all.contains($0.key) } }
        await withDiscardingTaskGroup { group in
            for address in (consumers.isEmpty ? addresses.masters : addresses.all).map(\.text) {
                group.addTask {
                    do {
                        let answer = try await self.call(command, at: address)
                        self.brokerVersions.withLock { $0[address] = answer.protocolVersion }
                    } catch {
                        self.warn(of: error, "heartbeat to \(address): \(error)")
                    }
                }
            }
        }
    }

    /// Tells every broker that a group has no member in this client any more.
    func unregister(producerGroup: String? = nil, consumerGroup: String? = nil) async {
        if let producerGroup { groups.removeProducer(producerGroup) }
        if let consumerGroup {
            groups.removeConsumer(consumerGroup)
            statistics.forget(group: consumerGroup)
        }
        let command = RemotingCommand(
            .unregisterClient,
            header: UnregisterClientHeader {
                $0.clientId = clientId
                $0.producerGroup = producerGroup
                $0.consumerGroup = consumerGroup
            })
        await announcements.run {
            await withDiscardingTaskGroup { group in
                for address in routes.brokerAddresses.all.map(\.text) {
                    group.addTask {
                        do {
                            _ = try await self.call(command, at: address, timeout: .seconds(1))
                        } catch {
                            self.logger.debug("unregistering at \(address): \(error)")
                        }
                    }
                }
            }
        }
    }
}
