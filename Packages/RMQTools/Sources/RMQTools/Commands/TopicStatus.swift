import RMQClient
import RMQCommon

/// `topicStatus`: the offsets of every queue of a topic.
struct TopicStatusCommand: AdminCommand {
    let name = "topicStatus"
    let summary = "Examine topic Status info"
    let label = "TopicStatusSubCommand"
    let example = "mqadmin topicStatus -n 127.0.0.1:9876 -t Orders"
    let options: [CommandOption] = [.required("t", "topic", "topic name")]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let topic = options.required("t")
        let stats = try await context.admin.topicStats(topic)
        guard !stats.queues.isEmpty else { throw CommandFailure.notFound("Not found the topic stats info") }
        context.show(Self.json(stats), text: Self.render(stats, time: context.time))
    }

    static func render(_ stats: TopicStatsTable, time: LocalTime) -> String {
        var text = row("#Broker Name", "#QID", "#Min Offset", "#Max Offset", "#Last Updated")
        for (queue, range) in stats.queues.sorted(by: { $0.key < $1.key }) {
            text += row(
                Columns.cut(queue.brokerName, 32), "\(queue.queueId)", "\(range.minOffset)", "\(range.maxOffset)",
                range.lastUpdateTimestamp > 0 ? time.milliseconds(range.lastUpdateTimestamp) : "")
        }
        return text
    }

    static func json(_ stats: TopicStatsTable) -> JSONValue {
        .array(stats.queues.sorted { $0.key < $1.key }.map { queue, range in
            .object(JSONObject(queue, [
                ("minOffset", JSONValue(range.minOffset)), ("maxOffset", JSONValue(range.maxOffset)),
                ("lastUpdateTimestamp", .moment(range.lastUpdateTimestamp)),
            ]))
        })
    }

    private static func row(_ broker: String, _ queue: String, _ least: String, _ most: String, _ updated: String) -> String {
        Columns.left(broker, 32) + "  " + Columns.left(queue, 4) + "  " + Columns.left(least, 20) + "  " + Columns.left(most, 20)
            + "    " + updated + "\n"
    }
}
