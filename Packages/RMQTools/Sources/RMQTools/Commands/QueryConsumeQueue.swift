import RMQClient
import RMQCommon

/// `queryCq`: entries of a queue as they lie on a broker's disk, and whether a group's subscription takes them.
struct QueryConsumeQueueCommand: AdminCommand {
    let name = "queryCq"
    let summary = "Query cq command."
    let label = "QueryConsumeQueueCommand"
    let example = "mqadmin queryCq -t Orders -q 0 -i 0 -c 5 -g orders_consumer -n 127.0.0.1:9876"
    let options: [CommandOption] = [
        .required("t", "topic", "topic name"),
        .required("q", "queue", "queue num, ie. 1"),
        .required("i", "index", "start queue index."),
        CommandOption("c", "count", "how many."),
        CommandOption("b", "broker", "broker addr."),
        CommandOption("g", "consumer", "consumer group."),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let topic = options.required("t"), group = options["g"]
        let queueId: Int32 = try options.integer("q", or: 0)
        let index: Int64 = try options.integer("i", or: 0)
        let count: Int32 = try options.integer("c", or: 10)
        let address = if let address = options["b"] { address } else { try await Self.firstMaster(of: topic, context) }
        let found = try await context.change {
            try await context.admin.queueEntries(
                topic: topic, queueId: queueId, index: index, maxCount: count, group: group, at: address)
        }
        guard !found.entries.isEmpty || found.maxQueueIndex > 0 || found.subscription != nil else {
            throw CommandFailure.notFound(
                "queue \(queueId) of \(topic) at \(address) has no entry at index \(index); see `mqadmin topicStatus -t \(topic)` for its offsets")
        }
        context.show(Self.json(found, from: index), text: Self.render(found, from: index))
    }

    private static func firstMaster(of topic: String, _ context: CommandContext) async throws -> String {
        let route = try await context.admin.routeData(of: topic)
        guard let address = route.brokers.first?.masterAddress ?? route.brokers.lazy.compactMap(\.masterAddress).first else {
            throw CommandFailure.notFound("no broker of \(topic) has a master at present; give one of its brokers with -b")
        }
        return address
    }

    static func render(_ found: ConsumeQueueEntries, from index: Int64) -> String {
        var text = ""
        if let subscription = found.subscription { text += "Subscription data: \n" + subscription.json.text(.pretty) + "\n" + border }
        if let filter = found.filterData { text += "Filter data: \n" + filter + "\n" + border }
        text += "Queue data: \nmax: \(found.maxQueueIndex), min: \(found.minQueueIndex)\n" + border
        for (place, entry) in found.entries.enumerated() {
            text += "idx: \(index &+ Int64(place))\n" + render(entry) + "\n" + border
        }
        return text
    }

    private static let border = String(repeating: "=", count: 38) + "\n"

    private static func render(_ entry: ConsumeQueueEntries.Entry) -> String {
        "ConsumeQueueData{physicOffset=\(entry.physicalOffset), physicSize=\(entry.size), tagsCode=\(entry.tagsCode), "
            + "extendDataJson='\(entry.extensionJSON ?? "null")', bitMap='\(entry.bitMap ?? "null")', eval=\(entry.isMatch), "
            + "msg='\(entry.message ?? "null")'}"
    }

    private static func json(_ found: ConsumeQueueEntries, from index: Int64) -> JSONValue {
        let entries = found.entries.enumerated().map { place, entry in
            JSONValue.object(([
                "index": JSONValue(index &+ Int64(place)), "physicOffset": JSONValue(entry.physicalOffset), "physicSize": JSONValue(entry.size),
                "tagsCode": JSONValue(entry.tagsCode), "extendData": parsed(entry.extensionJSON), "bitMap": JSONValue(entry.bitMap),
                "eval": .bool(entry.isMatch), "msg": JSONValue(entry.message),
            ] as JSONObject))
        }
        return [
            "minQueueIndex": JSONValue(found.minQueueIndex), "maxQueueIndex": JSONValue(found.maxQueueIndex),
            "subscriptionData": found.subscription?.json ?? .null, "filterData": parsed(found.filterData), "queueData": .array(entries),
        ]
    }

    /// What travels as JSON inside a text; the text where it is none.
    private static func parsed(_ text: String?) -> JSONValue {
        guard let text else { return .null }
        return (try? JSONValue(parsing: text)) ?? .string(text)
    }
}
