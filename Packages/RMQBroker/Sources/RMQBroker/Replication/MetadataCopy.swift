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

    /// - Parameter topicsAlone: leaves the rest for another time.
    /// - Returns: what could not be copied; empty when all was.
    func run(topicsAlone: Bool = false) -> [String] {
        let steps: [(String, () throws -> Void)] = [
            ("topics", copyTopics), ("consumer offsets", copyConsumerOffsets), ("delay offsets", copyDelayOffsets), ("groups", copyGroups),
        ]
        return steps.prefix(topicsAlone ? 1 : steps.count).compactMap { name, step in
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
        // What is in the log by now and in no topic of the table that comes was deleted.
        let (epoch, end) = (broker.store.epoch, broker.store.receivedOffset)
        let table = try TopicConfigTable(body: ask(.getAllTopicConfig))
        try take {
            defer { broker.replication.forget(unknown, in: table) }
            guard broker.topics.replace(with: table) else { return }
            // In this order: a kill in between leaves topics that are made once more, not messages without one.
            try broker.files.write(.topics, orTell: "the master's table")
            // A log that was cut meanwhile may end before that.
            try broker.replication.epochs.setTopicsOffset { broker.store.epoch == epoch ? end : $0 }
        }
    }

    private func copyGroups() throws {
        let table = try SubscriptionGroupTable(body: ask(.getAllSubscriptiongroupConfig))
        try take {
            if broker.groups.replace(with: table) { broker.files.later(.groups) }
        }
    }

    private func copyConsumerOffsets() throws {
        let table = try ConsumerOffsetTable(body: ask(.getAllConsumerOffset))
        try take { broker.offsets.merge(table) }
    }

    private func copyDelayOffsets() throws {
        let text = try ask(.getAllDelayOffset)
        try take { try broker.store.keepDelayOffsets(text) }
    }

    private func ask(_ code: RequestCode) throws -> [UInt8] {
        let answer = try client.ask(RemotingCommand(code), at: master, timeout: Self.patience)
        guard answer.responseCode == .success else { throw Refusal(answer.responseCode, answer.remark ?? "") }
        return answer.body
    }

    /// Takes over what the master said, unless the broker became a master itself since it was asked: then its tables are its own.
    private func take(_ work: () throws -> Void) throws {
        try broker.replication.whileNoTableIsTaken { () throws in
            guard broker.store.role == .replica else { throw Refusal(.serviceNotAvailable, "the broker became a master meanwhile") }
            try work()
        }
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
