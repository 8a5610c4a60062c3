import RMQClient
import RMQCommon

/// `tail`: follows a topic as `tail -f` follows a file. A command of this project.
///
///     2026-11-21 04:38:51,482 golden-a/0                 5  TagA        key-1             the body
struct TailCommand: AdminCommand {
    let name = "tail"
    let summary = "Follow a topic: new messages of all its queues as they come, one a line"
    let label = "TailCommand"
    let example = "mqadmin tail Orders -l 20 -s 'created || paid' -n 127.0.0.1:9876"
    let options: [CommandOption] = [
        CommandOption("t", "topic", "the topic; as a bare word as well: mqadmin tail Orders"),
        CommandOption("l", "last", "begin with so many of the latest messages | default 10"),
        CommandOption("s", "subExpression", "only messages with these tags: 'TagA || TagB' | default * (all)"),
        CommandOption("g", "consumerGroup", "in whose name messages are read | default TOOLS_CONSUMER"),
        .flag("F", "full", "whole bodies, not cut at the width of the terminal"),
    ]

    /// Most messages to begin with: what a person scrolls through, and what is held in memory to be sorted.
    private static let mostLast = 10_000
    /// Between two rounds that bring nothing: what a person does not feel, and a broker neither.
    private static let pauseBetweenRounds = Duration.milliseconds(300)

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let last = try options.integer("l", or: 10, within: 0...Self.mostLast)
        let width = options.has("F") ? nil : context.output.width
        var tail = TopicTail(
            topic: try Self.topic(from: options), filter: try SubscriptionFilter(options["s"] ?? "*"),
            group: options["g"] ?? SystemGroup.tools, beganAt: context.now())
        show(try await tail.begin(last: last, context), width: width, context)
        while !Task.isCancelled {
            let messages = await tail.round(context)
            show(messages, width: width, context)
            guard messages.isEmpty else { continue }
            guard (try? await context.pause(Self.pauseBetweenRounds)) != nil else { return }
        }
    }

    private static func topic(from options: CommandOptions) throws(CommandFailure) -> String {
        let topics = (options["t"].map { [$0] } ?? []) + options.operands.map(\.trimmedOfSpace)
        guard let topic = topics.first, !topic.isEmpty else {
            throw .usage("which topic? `mqadmin tail TOPIC`; `mqadmin topicList` shows those there are")
        }
        guard topics.count == 1 else { throw .usage("one topic at a time, not \(topics.joined(separator: ", "))") }
        return topic
    }

    private func show(_ messages: [StoredMessage], width: Int?, _ context: CommandContext) {
        for message in messages {
            context.show(.object(message.facts(text: message.text)), text: Self.render(message, width: width, time: context.time))
        }
    }

    /// - Parameter width: columns of the terminal; nil cuts nothing.
    static func render(_ message: StoredMessage, width: Int?, time: LocalTime) -> String {
        func column(_ text: String?, _ width: Int) -> String {
            Columns.left(text.map { $0.isEmpty ? "-" : TerminalText.escaped($0) } ?? "-", width)
        }
        let head = time.milliseconds(message.storeTimestamp) + " " + column("\(message.brokerName)/\(message.queueId)", 18) + " "
            + Columns.right(message.queueOffset, 9) + "  " + column(message.tags, 10) + "  "
            + column(message.keys.joined(separator: ","), 16) + "  "
        guard let width else { return head + TerminalText.escaped(message.text) + "\n" }
        // A line shows a part of a body of megabytes; four bytes are the longest character.
        return TerminalText.cut(head + TerminalText.escaped(message.text.prefix(bytes: width * 4)), columns: width) + "\n"
    }
}
