import RMQClient
import RMQCommon

/// `skipAccumulatedMessage`: has a group go on behind all messages that are there.
struct SkipAccumulatedMessageCommand: AdminCommand {
    let name = "skipAccumulatedMessage"
    let summary = "Skip all messages that are accumulated (not consumed) currently"
    let label = "SkipAccumulationSubCommand"
    let example = "mqadmin skipAccumulatedMessage -n 127.0.0.1:9876 -g billing -t Orders"
    let options: [CommandOption] = [
        .required("g", "group", "set the consumer group"),
        .required("t", "topic", "set the topic"),
        CommandOption("f", "force", "set the force rollback by timestamp switch[true|false]"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let reset = OffsetReset(
            group: options.required("g"), topic: options.required("t"), target: .end, isForced: options.truth("f", or: true))
        let outcome = try await reset.run(context)
        context.show(outcome.json, text: outcome.text)
    }
}
