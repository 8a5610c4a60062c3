import Glibc
import RMQClient
import RMQCommon

/// What the three export commands share: where their files go, and what of a broker's tables belongs to users.
enum ExportFile {
    /// The folder that the person chose with `-f`, else the reference's.
    static func folder(_ options: CommandOptions) -> String { options["f"] ?? "/tmp/rocketmq/export" }

    /// Writes a file as the reference lays it out. The folder is made if need be; the usual one is open to other users of the machine,
    /// hence no link is followed.
    static func write(_ value: JSONValue, to path: String) throws(CommandFailure) {
        do throws(SystemFailure) {
            try FileSystem.makeDirectories(FileSystem.parent(path))
            let file = try Descriptor(opening: path, flags: O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW)
            try file.write(value.bytes(.pretty))
            try file.close()
        } catch {
            throw .notFound("\(path) cannot be written: \(error); choose another folder with -f")
        }
    }

    /// Names of a broker's topics that are the users', in the order in which the reference walks the table.
    /// - Parameters:
    ///   - system: what the broker says are topics of the system.
    ///   - withRetries: whether retry and dead-letter topics of groups are among them.
    static func userTopics(_ table: TopicConfigTable, system: [String], withRetries: Bool) -> [String] {
        let system = Set<ByteText>(texts: system)
        return HashOrder.names(of: table.topics).filter { topic in
            !system.contains(topic) && (withRetries || !RetryTopic.isRetry(topic) && !DeadLetterTopic.isDeadLetter(topic))
        }
    }

    /// Names of a broker's groups that are the users', in the order in which the reference walks the table.
    static func userGroups(_ table: SubscriptionGroupTable) -> [String] {
        HashOrder.names(of: table.groups).filter { !SystemGroup.isSystem($0) && !systemGroups.contains($0) }
    }

    private static let systemGroups = Set<ByteText>(texts: SystemGroup.builtIn + [
        SystemGroup.defaultConsumer, SystemGroup.defaultProducer, SystemGroup.monitor, SystemGroup.innerProducer,
        SystemGroup.selfTestProducer,
    ])
}
