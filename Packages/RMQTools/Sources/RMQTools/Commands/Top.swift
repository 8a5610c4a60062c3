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
        let interval = try options.integer("i", or: 2, within: Self.intervals)
        let isLive = context.output.width != nil && !context.showsJSON && !options.has("c")
        let count = try options.integer("c", or: 1, within: 1...Int.max)
        let part = options["s"]
        if isLive { return try await Self.live(part, interval, context) }
        var before = try await TopSample.take(context, part: part)
        for _ in 0..<count {
            try await context.pause(.seconds(interval))
            let screen = TopScreen(before: before, now: try await TopSample.take(context, part: part))
            before = screen.now
            let lines = screen.lines(width: max(40, context.output.width ?? 120), height: nil, time: context.time)
            context.show(screen.json, text: lines.map { $0 + "\n" }.joined() + "\n")
        }
    }

    /// Until it is interrupted. A look that fails leaves what the one before showed, and says why: an outage is when people watch.
    private static func live(_ part: String?, _ interval: Int, _ context: CommandContext) async throws {
        var screen = TopScreen(before: nil, now: try await TopSample.take(context, part: part))
        context.output.write("\u{1B}[2J")
        while true {
            draw(screen, context)
            try await context.pause(.seconds(interval))
            do throws(ClientError) {
                screen = TopScreen(before: screen.now, now: try await TopSample.take(context, part: part))
            } catch {
                context.outcome.fail()
                screen.trouble = FailureText(error).detail
            }
        }
    }

    /// Over the screen before: from the top, every line wiped to its end, then all that is below. The codes for that go past
    /// ``CommandContext/show(_:text:)``, which lets none through to a terminal.
    private static func draw(_ screen: TopScreen, _ context: CommandContext) {
        let lines = screen.lines(width: max(40, context.output.width ?? 120), height: context.output.height.map { $0 - 1 }, time: context.time)
        context.output.write("\u{1B}[H" + lines.map { $0 + "\u{1B}[K\n" }.joined() + "\u{1B}[J")
    }
}
