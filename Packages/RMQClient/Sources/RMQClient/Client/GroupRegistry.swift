import RMQCommon
import Synchronization

/// Which groups a client has members of: what its heartbeats say.
final class GroupRegistry: Sendable {
    private struct Members {
        var producers: Set<ByteText> = []
        var consumers: [ByteText: any ConsumerMember] = [:]
    }

    private let members = Mutex(Members())

    /// False when the group is taken.
    func addProducer(_ group: String) -> Bool { members.withLock { $0.producers.insert(group).inserted } }
    func removeProducer(_ group: String) { members.withLock { _ = $0.producers.remove(group) } }

    /// False when the group is taken.
    func add(_ consumer: some ConsumerMember) -> Bool {
        members.withLock { members in
            guard members.consumers[consumer.group] == nil else { return false }
            members.consumers[consumer.group] = consumer
            return true
        }
    }

    func removeConsumer(_ group: String) { members.withLock { _ = $0.consumers.removeValue(forKey: group) } }

    var producers: [String] { members.withLock { $0.producers.sortedTexts } }
    var consumers: [any ConsumerMember] { members.withLock { Array($0.consumers.values) } }
    func consumer(_ group: String) -> (any ConsumerMember)? { members.withLock { $0.consumers[group] } }
    var subscribedTopics: [String] { consumers.flatMap(\.subscribedTopics) }
}
