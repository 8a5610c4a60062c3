import RMQCommon
import Synchronization

/// Gathers the trace records of a client and sends them, in the background, by a producer of its own that is not traced.
final class Tracer: Sendable {
    /// The group in whose name records are sent.
    static let group = "_INNER_TRACE_PRODUCER"
    /// How long the sending of one message may take. The reference's number.
    static let sendTimeout = Duration.seconds(5)

    /// Where records of hosted clusters go, with the region behind it.
    static let hostedTopicPrefix = "rmq_sys_TRACE_DATA_"

    /// Where the records go, unless the cluster is a hosted one.
    private let topic: String
    private let channel: AccessChannel

    private struct State {
        var buffer = TraceBuffer()
        var timer: Task<Void, Never>?
        var flush: Task<Void, Never>?
        var isClosed = false
    }

    /// Locked for moments only.
    private let state = Mutex(State())

    init(topic: String, channel: AccessChannel) {
        self.topic = topic
        self.channel = channel
    }

    /// Whether messages of this topic are themselves a trace.
    func isTrace(_ name: String) -> Bool { name.isExactly(topic) || channel == .cloud && name.hasBytePrefix(Self.hostedTopicPrefix) }

    /// Takes a record. Never waits.
    func record(_ record: TraceRecord, via core: ClientCore) {
        state.withLock { state in
            guard !state.isClosed else { return }
            carryOut(state.buffer.add(record, for: channel), &state, core)
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
            for message in messages(lines) {
                do {
                    // As it is: the topic has no namespace, since it is named to those who read traces.
                    _ = try await producer.send(OutgoingMessage(unchecked: message, producer.configuration), timeout: nil)
                } catch {
                    core.logger.warning("\(message.body.count) bytes of trace records are lost: \(error)")
                }
            }
        }
    }

    private func messages(_ lines: [TraceLine]) -> [Message] {
        guard channel == .cloud else { return TraceMessage.pack(lines, topic: topic) }
        let regions = Dictionary(grouping: lines) { ByteText($0.region ?? "null") }.sorted { $0.key < $1.key }
        return regions.flatMap { TraceMessage.pack($0.value, topic: Self.hostedTopicPrefix + $0.key.text) }
    }

    private static func producer(_ core: ClientCore) -> Producer {
        var configuration = ProducerConfiguration()
        configuration.sendTimeout = sendTimeout
        return Producer(group: group, configuration: configuration, core: core, isTraced: false)
    }
}
