import RMQClient
import RMQCommon

/// `top`: brokers, topics, groups, rates and lag, again and again.
///
/// On a terminal the screen is drawn anew each time; otherwise, and with `-c`, one table follows the other.
struct TopCommand: AdminCommand {
    let name = "top"
    let summary = "Watch brokers, topics and groups: rates and lag, live"
    let label = "top"
    let example = "mqadmin top -n 127.0.0.1:9876 -i 5"
    let options: [CommandOption] = [
        CommandOption("i", "interval", "seconds between two looks | default 2"),
        CommandOption("c", "count", "how many looks | default without end on a terminal, else one with rates"),
        CommandOption("s", "show", "only topics and groups whose names contain this, those of the system too"),
    ]

    private static let intervals: ClosedRange<Int> = 1...3_600

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let interval = try options.integer("i", or: 2)
        guard Self.intervals.contains(interval) else {
            throw CommandFailure.usage("-i takes \(Self.intervals.lowerBound) to \(Self.intervals.upperBound) seconds, not \(interval).")
        }
        let isLive = context.output.width != nil && !context.showsJSON && !options.has("c")
        let count = try options.integer("c", or: isLive ? Int.max : 1)
        guard count > 0 else { throw CommandFailure.usage("-c takes a number from 1 on, not \(count).") }
        var before = isLive ? nil : try await TopSample.take(context, part: options["s"])
        if isLive { context.print("\u{1B}[2J") }
        for look in 0..<count {
            if look > 0 || !isLive { try await context.pause(.seconds(interval)) }
            let screen = TopScreen(before: before, now: try await TopSample.take(context, part: options["s"]))
            before = screen.now
            context.show(screen.json, text: Self.text(screen, context, isLive: isLive))
        }
    }

    /// A live screen is written over the one before: from the top, every line wiped to its end, then all that is below.
    private static func text(_ screen: TopScreen, _ context: CommandContext, isLive: Bool) -> String {
        let width = max(40, context.output.width ?? 120)
        guard isLive else { return screen.lines(width: width, height: nil, time: context.time).map { $0 + "\n" }.joined() + "\n" }
        let height = context.output.height.map { $0 - 1 }
        return "\u{1B}[H" + screen.lines(width: width, height: height, time: context.time).map { $0 + "\u{1B}[K\n" }.joined() + "\u{1B}[J"
    }
}
