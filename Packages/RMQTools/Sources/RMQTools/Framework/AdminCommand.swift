import RMQClient
import RMQCommon

/// One command of the admin tool.
///
/// To add one: a struct in `Commands/` with its options and `run`, a line in ``AdminTool/commands`` (in the reference's order),
/// its recording under `Tests/Golden/admin` and a test. What it asks is a call of ``Admin``; what it prints is made by a pure `render`
/// beside it.
protocol AdminCommand: Sendable {
    var name: String { get }
    /// Another name that calls it; nil for none.
    var alias: String? { get }
    /// One line, for the list of commands.
    var summary: String { get }
    /// The name that the reference gives the command in failure texts.
    var label: String { get }
    /// A command line as a person would type it, for `mqadmin help`.
    var example: String { get }
    /// Its own options, without ``CommandOption/common``.
    var options: [CommandOption] { get }
    /// - Throws: ``ClientError`` for what a server did, ``CommandFailure`` for all else.
    func run(_ options: CommandOptions, in context: CommandContext) async throws
}

extension AdminCommand {
    var alias: String? { nil }
    /// Its options and the common ones; an option of its own may stand for a common one.
    var allOptions: [CommandOption] {
        options + CommandOption.common.filter { common in !options.contains { $0.short == common.short } }
    }
    /// What its command line may have.
    var declaredOptions: [CommandOption] { options + CommandOption.common }
    var usage: String { CommandUsage.text(program: "mqadmin " + name, options: allOptions) }
    /// The usage, and what the reference's help leaves out: what it is for, how it is called, what else it takes.
    var help: String {
        usage + "\n\(summary).\n\nExample:\n  \(example)\n\n" + ToolOptions.help
    }
}
