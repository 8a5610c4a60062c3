import RMQCommon
import RMQRemoting
import RMQStore
import Synchronization

/// Copies what is not in the log from the master: topics, groups, how far groups have consumed, how far delayed messages are delivered.
///
/// As at the reference: each by itself, topics and groups as a whole when their version differs, offsets merged. Blocks; not on a loop.
struct MetadataCopy: Sendable {
    private static let patience: Duration = .seconds(3)

    let broker: BrokerState
    let master: String
    let client: RemotingClient

    /// - Returns: what could not be copied; empty when all was.
    func run() -> [String] {
        let steps: [(String, () throws -> Void)] = [
            ("topics", copyTopics), ("consumer offsets", copyConsumerOffsets), ("delay offsets", copyDelayOffsets), ("groups", copyGroups),
        ]
        return steps.compactMap { name, step in
            // The broker may have become a master, whose tables are its own.
            guard broker.store.role == .replica else { return nil }
            do {
                try step()
                return nil
            } catch {
                return "\(name): \(error)"
            }
        }
    }

    private func copyTopics() throws {
        let unknown = broker.replication.unknownTopics
        let table = try TopicConfigTable(body: ask(.getAllTopicConfig))
        defer { broker.replication.forget(unknown) }
        if broker.topics.replace(with: table) { broker.files.later(.topics) }
    }

    private func copyGroups() throws {
        let table = try SubscriptionGroupTable(body: ask(.getAllSubscriptiongroupConfig))
        if broker.groups.replace(with: table) { broker.files.later(.groups) }
    }

    private func copyConsumerOffsets() throws {
        broker.offsets.merge(try ConsumerOffsetTable(body: ask(.getAllConsumerOffset)))
    }

    private func copyDelayOffsets() throws {
        let text = try ask(.getAllDelayOffset)
        try broker.store.keepDelayOffsets(text)
    }

    private func ask(_ code: RequestCode) throws -> [UInt8] {
        let answer = try client.ask(RemotingCommand(code), at: master, timeout: Self.patience)
        guard answer.responseCode == .success else { throw Refusal(answer.responseCode, answer.remark ?? "") }
        guard broker.store.role == .replica else { throw Refusal(.serviceNotAvailable, "the broker became a master meanwhile") }
        return answer.body
    }
}

extension RemotingClient {
    /// Sends a request and waits for the answer. Blocks: for a thread that may, never a loop's.
    func ask(_ command: RemotingCommand, at address: String, timeout: Duration) throws(RemotingError) -> RemotingCommand {
        let (answer, done) = (AnswerBox(), Latch())
        send(command, to: address, timeout: timeout) { result in
            answer.result.withLock { $0 = result }
            done.open()
        }
        // Every request ends by its time-out; who stops its loop meanwhile drops it.
        done.wait(for: timeout * 2)
        guard let result = answer.result.withLock({ $0 }) else { throw .closed }
        return try result.get()
    }
}

private final class AnswerBox: Sendable {
    let result = Mutex<Result<RemotingCommand, RemotingError>?>(nil)
}
