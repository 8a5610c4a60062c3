import RMQClient
import RMQCommon

extension Check {
    static let topicChecks = [
        Check(name: "topics can be written and read", find: permissions),
        Check(name: "masters take messages", find: wiped),
        Check(name: "topics are the same at all masters", find: uneven),
        Check(name: "dead letters", find: deadLetters),
    ]

    /// Retry topics, dead letters and those of the system have their own rules.
    private static func ordinary(_ picture: Picture) -> [(name: String, route: TopicRouteData)] {
        picture.routes.sorted { $0.key < $1.key }.compactMap { name, route in
            let isOrdinary = !name.text.hasBytePrefix("%") && !SystemTopic.isSystem(name.text) && !isNamedAfterServers(name.text, picture)
            return isOrdinary ? (name.text, route) : nil
        }
    }

    /// Every broker has topics with its own name and its cluster's.
    private static func isNamedAfterServers(_ topic: String, _ picture: Picture) -> Bool {
        picture.brokers.contains { broker in
            topic.isExactly(broker.name) || topic.isExactly(broker.cluster) || topic.isExactly(SystemTopic.reply(cluster: broker.cluster))
        }
    }

    private static let permissions = { @Sendable (picture: Picture) -> [Finding] in
        ordinary(picture).compactMap { name, route in
            let advice = "see `mqadmin topicRoute -t \(name)`; `mqadmin updateTopicPerm` changes a topic's permission, "
                + "`mqadmin addWritePerm` that of a whole broker"
            let masters = Set<ByteText>(texts: route.brokers.filter { $0.masterAddress != nil }.map(\.brokerName))
            if !route.queues.contains(where: { $0.permission.isReadable && $0.readQueueCount > 0 }) {
                return .problem("topic \(name)", "no broker lets it be read", advice)
            }
            if !route.queues.contains(where: { $0.permission.isWritable && $0.writeQueueCount > 0 && masters.contains($0.brokerName) }) {
                return .problem("topic \(name)", "no master lets it be written", advice)
            }
            if let queues = route.queues.first(where: { $0.permission.isReadable && $0.permission.isWritable && $0.readQueueCount < $0.writeQueueCount }) {
                return .problem(
                    "topic \(name)", "\(queues.brokerName) writes to \(queues.writeQueueCount) queues and lets \(queues.readQueueCount) be read: "
                        + "what lies in the others reaches nobody",
                    "`mqadmin updateTopic -t \(name)` with -r at least -w")
            }
            return nil
        }
    }

    /// A master that takes no messages of any topic: the right to write was wiped before it was stopped, and not given back.
    private static let wiped = { @Sendable (picture: Picture) -> [Finding] in
        let queues = ordinary(picture).flatMap(\.route.queues)
        return picture.brokers.filter(\.isMaster).compactMap { broker in
            let own = queues.filter { $0.brokerName.isExactly(broker.name) }
            guard own.count > 1, !own.contains(where: \.permission.isWritable) else { return nil }
            return .problem(
                broker.title, "none of its \(own.count) topics can be written, as after `mqadmin wipeWritePerm`",
                "`mqadmin addWritePerm -b \(broker.name)`, when it is to take messages again")
        }
    }

    private static let uneven = { @Sendable (picture: Picture) -> [Finding] in
        let clusters = Dictionary(grouping: picture.brokers.filter(\.isMaster)) { ByteText($0.cluster) }
        return ordinary(picture).flatMap { name, route -> [Finding] in
            let having = Set<ByteText>(texts: route.queues.map(\.brokerName))
            return clusters.sorted { $0.key < $1.key }.compactMap { cluster, masters in
                let missing = masters.map(\.name).filter { !having.contains($0) }
                guard !missing.isEmpty, missing.count < masters.count else { return nil }
                return .warning(
                    "topic \(name)", "is not on \(missing.joined(separator: ", ")) of cluster \(cluster): when the others stop, nobody can send",
                    "`mqadmin updateTopic -c \(cluster) -t \(name)`, unless this is meant")
            }
        }
    }

    private static let deadLetters = { @Sendable (picture: Picture) -> [Finding] in
        picture.deadLetters.sorted { $0.key < $1.key }.compactMap { group, count in
            guard count > 0 else { return nil }
            return .warning(
                "group \(group)", "gave up on \(Columns.grouped(count)) message(s): they are in \(DeadLetterTopic.prefix)\(group)",
                "look at them with `mqadmin printMsg -t \(DeadLetterTopic.prefix)\(group)`, mend the cause, send them again")
        }
    }
}
