import RMQCommon
import Synchronization

/// The task behind a client: refreshes routes and sends heartbeats until it is stopped.
final class Maintenance: Sendable {
    private enum State {
        case idle
        case running(Task<Void, Never>)
        case stopped
    }

    private let core: ClientCore
    private let state = Mutex(State.idle)

    init(core: ClientCore) { self.core = core }

    /// Starts it, the first time.
    func start() {
        state.withLock { state in
            guard case .idle = state else { return }
            let core = core
            state = .running(Task { await Self.run(core) })
        }
    }

    func stop() async {
        let task: Task<Void, Never>? = state.withLock { state in
            defer { state = .stopped }
            if case .running(let task) = state { return task }
            return nil
        }
        task?.cancel()
        await task?.value
    }

    private static func run(_ core: ClientCore) async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                await every(core.configuration.routeRefreshInterval) { await core.refreshRoutes() }
            }
            group.addTask { await core.statistics.run(logger: core.logger) }
            group.addTask {
                // The first one soon: a producer has found its brokers by then, and consumers send their own at start.
                guard (try? await Task.sleep(for: .seconds(1))) != nil else { return }
                await core.sendHeartbeats()
                await every(core.configuration.heartbeatInterval) { await core.sendHeartbeats() }
            }
        }
    }
}

/// Runs `work` after each `interval` until the task is cancelled.
func every(_ interval: Duration, _ work: () async -> Void) async {
    while (try? await Task.sleep(for: interval)) != nil, !Task.isCancelled { await work() }
}
