@testable import RMQClient
import RMQCommon
@testable import RMQTools
import Synchronization

/// Stands in for producers: answers from a closure, and remembers what was to be sent.
final class RecordingSender: MessageSending {
    /// - Parameter number: of the send, from 0 on.
    typealias Answer = @Sendable (_ number: Int, _ message: Message, _ target: QueueChoice) -> Sending

    private struct State {
        var opened: [ProducerSettings] = []
        var closedCount = 0
        var sent: [(message: Message, queue: MessageQueue?)] = []
    }

    private let answer: Answer
    private let state = Mutex(State())

    init(_ answer: @escaping Answer = RecordingSender.stored) { self.answer = answer }

    var opened: [ProducerSettings] { state.withLock { $0.opened } }
    var closedCount: Int { state.withLock { $0.closedCount } }
    var sent: [(message: Message, queue: MessageQueue?)] { state.withLock { $0.sent } }

    func open(_ settings: ProducerSettings, nameServers: [String], access: ToolsAccess) async throws(ClientError) -> any OpenProducer {
        state.withLock { $0.opened.append(settings) }
        return StandIn(sender: self)
    }

    /// Every message is stored, those without a chosen queue in queue 1 of golden-b.
    static func stored(_ number: Int, _ message: Message, _ target: QueueChoice) -> Sending {
        let queue = target.queue ?? MessageQueue(topic: message.topic, brokerName: "golden-b", queueId: 1)
        return .stored(in: queue, id: "FD00", offsetId: "7F00", offset: 5, milliseconds: 0)
    }

    private struct StandIn: OpenProducer {
        let sender: RecordingSender

        func send(_ message: Message, to target: QueueChoice) async -> Sending {
            let number = sender.state.withLock { state in
                state.sent.append((message, target.queue))
                return state.sent.count - 1
            }
            return sender.answer(number, message, target)
        }

        func close() async { sender.state.withLock { $0.closedCount += 1 } }
    }
}

extension QueueChoice {
    var queue: MessageQueue? {
        if case .queue(let queue) = self { queue } else { nil }
    }
}

extension Sending {
    static func stored(in queue: MessageQueue, id: String, offsetId: String, offset: Int64, milliseconds: Int64) -> Sending {
        let result = SendResult(status: .stored, messageIds: [id], offsetMessageIds: [offsetId], queue: queue, queueOffset: offset)
        return Sending(result: .success(result), queue: queue, elapsed: .milliseconds(milliseconds))
    }

    static func failed(_ error: ClientError, milliseconds: Int64 = 0) -> Sending {
        Sending(result: .failure(error), queue: nil, elapsed: .milliseconds(milliseconds))
    }
}
