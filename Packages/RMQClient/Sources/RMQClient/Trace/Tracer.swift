import RMQCommon
import Synchronization

/// Gathers the trace records of a client and sends them, in the background, by a producer of its own that is not traced.
final class Tracer: Sendable {
    /// The group in whose name records are sent.
    static let group = "_INNER_TRACE_PRODUCER"
    /// How long the sending of one message may take. The reference's number.
    static let sendTimeout = Duration.seconds(5)

    /// Where the records go.
    let topic: String

    private struct State {
        var buffer = TraceBuffer()
        var timer: Task<Void, Never>?
        var flush: Task<Void, Never>?
        var isClosed = false
    }

    /// Locked for moments only.
    private let state = Mutex(State())

    init(topic: String) { self.topic = topic }

    /// Takes a record. Never waits.
    func record(_ record: TraceRecord, via core: ClientCore) {
        state.withLock { state in
            guard !state.isClosed else { return }
            carryOut(state.buffer.add(record), &state, core)
        }
    }

    /// Sends what waits, for at most `limit`. What is recorded later is lost.
    func close(within limit: Duration = TraceBuffer.longestWait, via core: ClientCore) async {
        let (timer, flush) = state.withLock { state in
            state.isClosed = true
            return (state.timer, state.flush)
        }
        timer?.cancel()
        let last = Task {
            await flush?.value
            await self.send(via: core)
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await last.value }
            group.addTask {
                try? await Task.sleep(for: limit)
                flush?.cancel()
                last.cancel()
            }
            await group.next()
            group.cancelAll()
        }
    }

    private func carryOut(_ action: TraceBuffer.Action, _ state: inout State, _ core: ClientCore) {
        switch action {
        case .none: break
        case .startTimer:
            state.timer = Task {
                guard (try? await Task.sleep(for: TraceBuffer.longestWait)) != nil else { return }
                self.state.withLock { state in
                    guard !state.isClosed else { return }
                    self.carryOut(state.buffer.timerEnded(), &state, core)
                }
            }
        case .flush: state.flush = Task { await self.send(via: core) }
        }
    }

    /// Sends until nothing waits. One task at a time does.
    private func send(via core: ClientCore) async {
        let producer = Self.producer(core)
        while let (lines, dropped) = state.withLock({ $0.buffer.take() }) {
            if dropped > 0 { core.logger.warning("\(dropped) trace records were dropped: they come faster than they can be sent") }
            for message in TraceMessage.pack(lines, topic: topic) {
                do {
                    try await producer.send(message)
                } catch {
                    core.logger.warning("\(message.body.count) bytes of trace records are lost: \(error)")
                }
            }
        }
    }

    private static func producer(_ core: ClientCore) -> Producer {
        var configuration = ProducerConfiguration()
        configuration.sendTimeout = sendTimeout
        return Producer(group: group, configuration: configuration, core: core, isTraced: false)
    }
}
