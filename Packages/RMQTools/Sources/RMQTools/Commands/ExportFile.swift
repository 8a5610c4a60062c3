import RMQClient
import RMQCommon

/// What the three export commands share: where their files go, and what of a broker's tables belongs to users.
enum ExportFile {
    /// The folder that the person chose with `-f`, else the reference's.
    static func folder(_ options: CommandOptions) -> String { options["f"] ?? "/tmp/rocketmq/export" }

    /// Writes a file as the reference lays it out.
    /// - Parameter isEmpty: whether there was no broker to export anything of: the file of an earlier export is worth more than that.
    static func write(_ value: JSONValue, to path: String, isEmpty: Bool = false) throws(CommandFailure) {
        guard !isEmpty || !OutputFile.isFilled(path) else {
            throw .failed("there is no master to export anything of, so \(path) was left as it was; see `mqadmin clusterList` for the clusters")
        }
        do throws(SystemFailure) {
            try OutputFile.write(value.bytes(.pretty), to: path)
        } catch {
            throw .failed("\(path) cannot be written: \(error); choose another folder with -f")
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
