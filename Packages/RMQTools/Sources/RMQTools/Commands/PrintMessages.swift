import RMQClient
import RMQCommon

/// `printMsg`: the messages of a topic, queue by queue; nobody's offsets change.
struct PrintMessagesCommand: AdminCommand {
    let name = "printMsg"
    let summary = "Print Message Detail"
    let label = "PrintMessageSubCommand"
    let example = "mqadmin printMsg -n 127.0.0.1:9876 -t Orders -s 'TagA || TagB' -b 2026-11-21#04:00:00:000"
    // The blanks belong to the long names: the reference has them, so only the short ones can be typed.
    let options: [CommandOption] = [
        .required("t", "topic", "topic name"),
        CommandOption("c", "charsetName ", "CharsetName(eg: UTF-8,GBK)"),
        CommandOption("s", "subExpression ", "Subscribe Expression(eg: TagA || TagB)"),
        CommandOption("b", "beginTimestamp ", "Begin timestamp[currentTimeMillis|yyyy-MM-dd#HH:mm:ss:SSS]"),
        CommandOption("e", "endTimestamp ", "End timestamp[currentTimeMillis|yyyy-MM-dd#HH:mm:ss:SSS]"),
        CommandOption("d", "printBody ", "print body"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let selection = try MessageSelection(options, context.time)
        let charset = options.truth("d", or: true) ? selection.charset : nil
        let topic = options.required("t")
        let route = try await context.admin.routeData(of: topic)
        for queue in try QueueReading.queues(of: topic, route) {
            let range = try await QueueReading.range(of: queue, begin: selection.begin, end: selection.end, context)
            let facts: [(JSONValue, JSONValue)] = [("minOffset", .integer(range.least)), ("maxOffset", .integer(range.most))]
            context.show(
                .object(JSONObject(queue, facts)), text: "minOffset=\(range.least), maxOffset=\(range.most), \(queue)\n")
            await show(queue, range, selection.filter, charset, context)
            context.printHeading(Self.border)
        }
    }

    private static let border = String(repeating: "-", count: 56) + "\n"

    private func show(
        _ queue: MessageQueue, _ range: (least: Int64, most: Int64), _ filter: SubscriptionFilter, _ charset: Charset?,
        _ context: CommandContext
    ) async {
        let progress = context.listingProgress("messages", total: max(0, range.most - range.least))
        defer { progress?.end() }
        await QueueReading.pull(queue, from: range.least, to: range.most, filter, context) { pulled in
            for message in pulled.messages { QueueReading.show(message, body: charset?.text(message.body), context) }
            if pulled.status != .found { QueueReading.show(pulled, queue, context) }
            progress?.advance(by: pulled.messages.count)
            return pulled.status == .found || pulled.status == .noMatchedMessage
        }
    }
}

/// Which messages `printMsg` and `printMsgByQueue` print, and how their bodies are read.
struct MessageSelection {
    var filter: SubscriptionFilter
    var charset: Charset
    /// Store times in milliseconds since 1970; nil for no limit.
    var begin: Int64?
    var end: Int64?

    init(_ options: CommandOptions, _ time: LocalTime) throws {
        filter = try SubscriptionFilter(options["s"] ?? "*")
        charset = try options["c"].map { (name) throws(CommandFailure) in try Charset(named: name) } ?? .utf8
        begin = try QueueReading.moment("b", options, time)
        end = try QueueReading.moment("e", options, time)
    }
}
