import RMQClient
import RMQCommon

/// `resetOffsetByTime`: has a group go on at the first message that was stored at or after a moment, or at the end.
struct ResetOffsetByTimeCommand: AdminCommand {
    let name = "resetOffsetByTime"
    let summary = "Reset consumer offset by timestamp(without client restart)."
    let label = "ResetOffsetByTimeCommand"
    let example = "mqadmin resetOffsetByTime -n 127.0.0.1:9876 -g billing -t Orders -s 2026-11-21#08:00:00:000"
    let options: [CommandOption] = [
        .required("g", "group", "set the consumer group"),
        .required("t", "topic", "set the topic"),
        .required("s", "timestamp", "set the timestamp[now|currentTimeMillis|yyyy-MM-dd#HH:mm:ss:SSS]"),
        CommandOption("f", "force", "set the force rollback by timestamp switch[true|false]"),
        .flag("c", "cplus", "reset c++ client offset"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let moment = options.required("s")
        guard let time = moment.isExactly("now") ? -1 : context.time.parse(moment) else {
            throw CommandFailure.usage("-s takes now, milliseconds since 1970 or yyyy-MM-dd#HH:mm:ss:SSS, not \"\(moment)\".")
        }
        let reset = OffsetReset(
            group: options.required("g"), topic: options.required("t"), target: time == -1 ? .end : .time(time),
            isForced: options.truth("f", or: true), tellsCPlusPlus: options.has("c"))
        let outcome = try await reset.run(context)
        context.show(outcome.json, text: Self.heading(reset, outcome, moment, time) + outcome.text)
    }

    private static func heading(_ reset: OffsetReset, _ outcome: OffsetReset.Outcome, _ moment: String, _ time: Int64) -> String {
        let word = switch outcome {
        case .told: "group"
        case .stored: "consumerGroup"
        }
        return "rollback consumer offset by specified \(word)[\(reset.group)], topic[\(reset.topic)], force[\(reset.isForced)], "
            + "timestamp(string)[\(moment)], timestamp(long)[\(time)]\n"
    }
}
