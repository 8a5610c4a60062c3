import RMQClient
import RMQCommon

/// `doctor`: looks at a whole cluster and says what is wrong with it and what to do.
struct DoctorCommand: AdminCommand {
    let name = "doctor"
    let summary = "Look at name servers, brokers, topics and groups; say what is wrong and what to do"
    let label = "doctor"
    let example = "mqadmin doctor -n 127.0.0.1:9876"
    let options: [CommandOption] = []

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let picture = try await Picture.take(context)
        let results = Check.all.map { (check: $0.name, findings: $0.find(picture)) }
        let findings = results.flatMap(\.findings)
        if findings.contains(where: { $0.weight == .problem }) { context.outcome.fail() }
        context.show(Self.json(results), text: Self.render(picture, results, width: context.output.width ?? 120))
    }

    static func render(_ picture: Picture, _ results: [(check: String, findings: [Finding])], width: Int) -> String {
        let width = max(40, width)
        var text = Columns.wrapped(
            "\(picture.nameServers.count) name server(s), \(picture.brokers.count) broker(s), \(picture.routes.count) topic(s), "
                + "\(picture.groups.count) consumer group(s)", width: width, indent: 0) + "\n"
        for (check, findings) in results where findings.isEmpty { text += "ok       \(check)\n" }
        for finding in results.flatMap(\.findings) {
            let mark = finding.weight == .problem ? "PROBLEM" : "WARNING"
            text += "\n" + Columns.wrapped("\(mark)  \(shown(finding.subject)): \(shown(finding.text))", width: width, indent: 9)
            text += Columns.wrapped("         What to do: \(shown(finding.advice))", width: width, indent: 9)
        }
        return text + "\n" + ending(results.flatMap(\.findings))
    }

    /// Names, expressions and remarks come from anybody who may write to the cluster.
    private static func shown(_ text: String) -> String { TerminalText.escaped(text) }

    private static func ending(_ findings: [Finding]) -> String {
        let problems = findings.count { $0.weight == .problem }, warnings = findings.count - problems
        return findings.isEmpty ? "Nothing is wrong.\n" : "\(problems) problem(s), \(warnings) warning(s)\n"
    }

    static func json(_ results: [(check: String, findings: [Finding])]) -> JSONValue {
        let findings = results.flatMap { result in
            result.findings.map { finding -> JSONValue in
                ["check": .string(result.check), "weight": .string(finding.weight.rawValue), "subject": .string(finding.subject),
                 "text": .string(finding.text), "advice": .string(finding.advice)]
            }
        }
        return ["findings": .array(findings), "passed": .array(results.filter(\.findings.isEmpty).map { .string($0.check) })]
    }
}
