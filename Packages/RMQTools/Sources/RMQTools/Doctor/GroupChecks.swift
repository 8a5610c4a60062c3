import RMQClient
import RMQCommon

extension Check {
    static let groupChecks = [
        Check(name: "members of a group subscribe alike", find: subscriptions),
        Check(name: "groups keep up", find: lag),
    ]

    /// Members that differ share the queues all the same: what one does not want of its queues reaches nobody.
    private static let subscriptions = { @Sendable (picture: Picture) -> [Finding] in
        picture.groups.compactMap { group in
            let wanted = Dictionary(grouping: group.members) { member in
                ByteText(member.subscriptions.filter { RetryTopic.group(of: $0.topic) == nil }
                    .map { "\($0.topic) \($0.expressionType.isExactly("TAG") ? "" : $0.expressionType + " ")\($0.expression)" }.sortedByBytes()
                    .joined(separator: ", "))
            }
            guard wanted.count > 1 else { return nil }
            let list = wanted.sorted { $0.key < $1.key }.map { "\($0.value.map(\.clientId).joined(separator: ", ")) wants \($0.key)" }
            return .problem(
                "group \(group.name)", "its members subscribe to different things, so that messages are skipped: \(list.joined(separator: "; "))",
                "give all members the same subscription, or each its own group")
        }
    }

    /// What a group may have before it.
    private static let lagTolerance: Int64 = 100_000
    private static let ageTolerance: Int64 = 10 * 60_000

    private static let lag = { @Sendable (picture: Picture) -> [Finding] in
        picture.groups.compactMap { group in
            guard let stats = group.stats, stats.lag > 0 else { return nil }
            let lag = Columns.grouped(stats.lag)
            // Who may have consumers that just could not be asked about must not be told to delete the group.
            if group.isConsumed == false {
                return .warning(
                    "group \(group.name)", "nobody consumes for it, and \(lag) message(s) wait",
                    "start its consumers, or delete it with `mqadmin deleteSubGroup` if it is not needed any more")
            }
            let oldest = stats.queues.values.filter { $0.lag > 0 && $0.lastTimestamp > 0 }.map(\.lastTimestamp).min()
            let age = oldest.map { picture.takenAt - $0 } ?? 0
            guard stats.lag > lagTolerance || age > ageTolerance else { return nil }
            return .warning(
                "group \(group.name)", "is behind: \(lag) message(s) wait" + (age > ageTolerance ? ", the oldest for \(age / 60_000) minutes" : ""),
                "see `mqadmin consumerProgress -g \(group.name)` for the queues and `mqadmin consumerStatus -g \(group.name)` for its members")
        }
    }
}
