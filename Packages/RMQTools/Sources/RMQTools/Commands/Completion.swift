import RMQClient
import RMQCommon

/// `completion`: the script by which a shell completes commands, options and names, and the names that the script asks for.
/// A command of this project.
struct CompletionCommand: AdminCommand {
    let name = "completion"
    let summary = "Print a script by which bash, zsh or fish completes commands, options, topics and groups"
    let label = "CompletionCommand"
    let example = "mqadmin completion bash"
    let options: [CommandOption] = [
        CommandOption("s", "shell", "bash, zsh or fish; as a bare word as well: mqadmin completion bash"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let word = options["s"] ?? options.operands.first ?? ""
        if let shell = CompletionScript.Shell(exactly: word.asciiLowercased) {
            let script = CompletionScript(commands: AdminTool.commands).text(for: shell)
            return context.show(["shell": .string(shell.rawValue), "script": .string(script)], text: script)
        }
        guard let kind = CompletedName(exactly: word) else {
            throw CommandFailure.usage("completion takes one of bash, zsh, fish, not \"\(word)\"")
        }
        let names = try await kind.names(context)
        context.show(.array(names.map { .string($0) }), text: names.map { $0 + "\n" }.joined())
    }
}
