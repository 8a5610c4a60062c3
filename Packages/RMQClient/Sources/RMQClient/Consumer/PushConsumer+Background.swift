import RMQCommon
import Synchronization

extension PushConsumer {
    /// Finds routes, says hello to the brokers, and pulls until it is cancelled.
    func runBackground() async {
        core.logger.info("consumer of group \(group) started as \(core.clientId)")
        await findRoutes()
        await core.sendHeartbeats()
        wakeRebalance()
        await withDiscardingTaskGroup { tasks in
            tasks.addTask { for await _ in self.rebalanceWishes { await self.rebalance() } }
            tasks.addTask { await every(self.configuration.rebalanceInterval) { self.wakeRebalance() } }
            tasks.addTask { await every(self.configuration.offsetPersistenceInterval) { await self.persistOffsets() } }
            tasks.addTask { await self.giveBackExpired() }
            tasks.addTask { await self.keepLocks() }
            for await command in commandStream { tasks.addTask { await self.carryOut(command) } }
            tasks.cancelAll()
        }
    }

    private func carryOut(_ command: Command) async {
        switch command {
        case .pull(let assigned): await pullLoop(assigned)
        case .redeliver(let run, let index):
            guard (try? await Task.sleep(for: configuration.redeliveryDelay)) != nil, !run.queue.isDropped else { return }
            inbox.put(again: run, index)
        case .correct(let assigned, let offset): await correct(assigned, to: offset)
        case .unlock(let queue): await unlockLater(queue)
        }
    }

    /// A topic that does not exist yet is no error: its queues appear with a later refresh.
    func findRoutes() async {
        for topic in subscribedTopics {
            do {
                try await core.refreshRoute(of: topic)
            } catch where error.code == .routeNotFound {
                core.logger.debug("no route of \(topic) yet: \(error)")
            } catch {
                return core.warn(of: error, "no routes for group \(group) yet: \(error)")
            }
        }
    }
}
