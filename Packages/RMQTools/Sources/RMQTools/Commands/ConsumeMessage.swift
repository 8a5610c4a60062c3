import RMQClient
import RMQCommon

/// `consumeMessage`: pulls messages and prints them; nobody's offsets change.
struct ConsumeMessageCommand: AdminCommand {
    let name = "consumeMessage"
    let summary = "Consume message"
    let label = "ConsumeMessageCommand"
    let example = "mqadmin consumeMessage -n 127.0.0.1:9876 -t Orders -b broker-a -i 0 -c 10"
    let options: [CommandOption] = [
        .required("t", "topic", "Topic name"),
        CommandOption("b", "brokerName", "Broker name"),
        CommandOption("i", "queueId", "Queue Id"),
        CommandOption("o", "offset", "Queue offset"),
        CommandOption("g", "consumerGroup", "Consumer group name"),
        // The blank belongs to the long name: the reference has it, so only the short one can be typed.
        CommandOption("s", "beginTimestamp ", "Begin timestamp[currentTimeMillis|yyyy-MM-dd#HH:mm:ss:SSS]"),
        CommandOption("e", "endTimestamp ", "End timestamp[currentTimeMillis|yyyy-MM-dd#HH:mm:ss:SSS]"),
        CommandOption("c", "MessageNumber", "Number of message to be consumed"),
    ]

    /// What to read, checked.
    struct Plan {
        var topic: String
        var queue: MessageQueue?
        var offset: Int64
        var group: String
        var count: Int64
        var begin: Int64?
        var end: Int64?
    }

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        switch try Self.plan(from: options, time: context.time, now: context.now()) {
        case .refused(let complaint): context.complain(complaint)
        case .accepted(let plan):
            let route = try await context.admin.routeData(of: plan.topic)
            if let queue = plan.queue {
                try await readOne(queue, plan, route, context)
            } else {
                try await readTopic(plan, route, context)
            }
        }
    }

    enum Decision {
        case accepted(Plan)
        /// What is printed instead, without a line feed.
        case refused(String)
    }

    static func plan(from options: CommandOptions, time: LocalTime, now: Int64) throws(CommandFailure) -> Decision {
        let count: Int64 = try options.integer("c", or: 128)
        guard count > 0 else { return .refused("Please input a positive messageNumber!") }
        guard options["b"] != nil || options["i"] == nil else { return .refused("Please set the brokerName before queueId!") }
        guard options["i"] != nil || options["o"] == nil else { return .refused("Please set queueId before offset!") }
        let begin = try moment("s", options, time)
        let end = try moment("e", options, time)
        if let begin, begin > now { return .refused("Please set the beginTimestamp before now!") }
        if let end, end > now { return .refused("Please set the endTimestamp before now!") }
        if let begin, let end, begin > end {
            return .refused("Please make sure that the beginTimestamp is less than or equal to the endTimestamp")
        }
        let topic = options.required("t")
        var queue: MessageQueue?
        // A broker without a queue chooses nothing, as in the reference.
        if let broker = options["b"], options.has("i") {
            queue = MessageQueue(topic: topic, brokerName: broker, queueId: try options.integer("i", or: 0))
        }
        return .accepted(Plan(
            topic: topic, queue: queue, offset: try options.integer("o", or: 0), group: options["g"] ?? "TOOLS_CONSUMER", count: count,
            begin: begin, end: end))
    }

    /// A moment that is not after 1970 chooses nothing.
    private static func moment(_ option: Unicode.Scalar, _ options: CommandOptions, _ time: LocalTime) throws(CommandFailure) -> Int64? {
        try QueueReading.moment(option, options, time).flatMap { $0 > 0 ? $0 : nil }
    }

    // MARK: Which messages

    private func readOne(_ queue: MessageQueue, _ plan: Plan, _ route: TopicRouteData, _ context: CommandContext) async throws {
        guard route.brokers.contains(where: { $0.brokerName.isExactly(queue.brokerName) }) else {
            throw CommandFailure.notFound("The broker[\(queue.brokerName)] not exist")
        }
        var range = try await QueueReading.range(of: queue, begin: plan.begin, end: plan.end, context)
        let offset = plan.offset == 0 ? range.least : plan.offset
        guard offset <= range.most else {
            let facts: [(JSONValue, JSONValue)] = [("status", "NO_MATCHED_MSG"), ("offset", .integer(offset))]
            return context.show(.object(JSONObject(queue, facts)), text: "\(queue) no matched msg, offset=\(offset)\n")
        }
        range.least = max(range.least, offset)
        if range.most - range.least > plan.count {
            context.printHeading("The oldler \(plan.count) message will be provided\n")
            range.most = range.least + plan.count - 1
        }
        await read(queue, range, group: plan.group, context)
    }

    /// The count is shared by the queues, in the reference's order and with its way of counting: the line about older messages can
    /// show −1.
    private func readTopic(_ plan: Plan, _ route: TopicRouteData, _ context: CommandContext) async throws {
        var left = plan.count
        for queue in try QueueReading.queues(of: plan.topic, route) where left != 0 {
            let range = try await QueueReading.range(of: queue, begin: plan.begin, end: plan.end, context)
            let share = Self.share(of: range, left)
            if share.isCut { context.printHeading("The older \(left) message of the \(queue.queueId) queue will be provided\n") }
            left = share.left
            await read(queue, share.range, group: plan.group, context)
        }
    }

    /// What is read of a queue when so many messages are wanted, and how many are wanted of the queues behind it.
    private static func share(
        of range: (least: Int64, most: Int64), _ wanted: Int64
    ) -> (range: (least: Int64, most: Int64), left: Int64, isCut: Bool) {
        // With `&`: a broker may answer any offsets, and -1 is left where a queue had one message more than was wanted.
        guard range.most &- range.least > wanted else { return (range, wanted &- (range.most &- range.least) &- 1, false) }
        return ((range.least, range.least &+ wanted &- 1), 0, true)
    }

    // MARK: Reading

    /// A pull that fails ends its queue, not the command.
    // Not inlined, as `QueueReading.range` and for the same reason.
    @inline(never) private func read(
        _ queue: MessageQueue, _ range: (least: Int64, most: Int64), group: String, _ context: CommandContext
    ) async {
        let progress = context.listingProgress("messages", total: max(0, range.most - range.least))
        defer { progress?.end() }
        var offset = range.least
        while offset <= range.most {
            let count = Int32(clamping: min(range.most - offset, Int64(Int32.max) - 1) + 1)
            let pulled: PullResult
            do {
                pulled = try await context.admin.pull(from: queue, offset: offset, maxCount: count, group: group)
            } catch {
                return context.note(error)
            }
            show(pulled, queue, context)
            progress?.advance(by: pulled.messages.count)
            guard pulled.status == .found || pulled.status == .noMatchedMessage, pulled.nextOffset > offset else { return }
            offset = pulled.nextOffset
        }
    }

    private func show(_ pulled: PullResult, _ queue: MessageQueue, _ context: CommandContext) {
        guard pulled.status == .found else { return QueueReading.show(pulled, queue, context) }
        context.printHeading("Consume ok\n")
        for message in pulled.messages { QueueReading.show(message, body: message.text, context) }
    }
}
