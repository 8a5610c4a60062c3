import RMQClient
import RMQCommon

/// `cloneGroupOffset`: gives one group the offsets of another, those of its retry topic among them.
struct CloneGroupOffsetCommand: AdminCommand {
    let name = "cloneGroupOffset"
    let summary = "clone offset from other group."
    let label = "CloneGroupOffsetCommand"
    let example = "mqadmin cloneGroupOffset -n 127.0.0.1:9876 -s billing -d billing-test -t Orders"
    let options: [CommandOption] = [
        .required("s", "srcGroup", "set source consumer group"),
        .required("d", "destGroup", "set destination consumer group"),
        .required("t", "topic", "set the topic"),
        CommandOption("o", "offline", "the group or the topic is offline"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let source = options.required("s"), target = options.required("d"), topic = options.required("t")
        let stats = try await context.admin.consumeStats(group: source)
        guard !stats.queues.isEmpty else { throw ConsumerProgressCommand.nothingConsumed }
        _ = try await context.admin.routeData(of: topic)   // an unknown topic is an error before anything changes
        for (queue, progress) in stats.queues.sorted(by: { $0.key < $1.key }) where progress.consumerOffset >= 0 {
            try await context.admin.commit(group: target, queue: queue, offset: progress.consumerOffset)
        }
        context.print("clone group offset success. srcGroup[\(source)], destGroup=[\(target)], topic[\(topic)]")
    }
}
