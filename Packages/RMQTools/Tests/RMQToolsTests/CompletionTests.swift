import Foundation
import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Testing

@Suite(.takesTurns) struct CompletionTests {
    private static let script = CompletionScript(commands: AdminTool.commands)

    /// What a real bash offers for a line, where `mqadmin` answers names from this machine and tells what it was asked.
    private static func bash(_ line: String) throws -> (offered: [String], asked: String) {
        let folder = try TemporaryFolder()
        try SmallFile.replace(folder.sub("script"), with: script.text(for: .bash))
        let test = """
            mqadmin() {
                echo "$*" > '\(folder.sub("asked"))'
                case $2 in
                topics) printf '%s\\n' Orders Other 'It|s';;
                groups) echo order_consumer;;
                addresses) printf '%s\\n' 10.0.0.1:10911 10.0.0.2:10911;;
                clusters) echo DefaultCluster;;
                brokers) echo broker-a;;
                esac
            }
            source '\(folder.sub("script"))'
            COMP_LINE=$1 COMP_POINT=${#1} COMP_CWORD=0 COMP_WORDS=() COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
            _mqadmin
            printf '%s\\n' "${COMPREPLY[@]}"
            """
        let process = Process(), pipe = Pipe()
        process.executableURL = URL(filePath: "/bin/bash")
        process.arguments = ["--norc", "--noprofile", "-c", test, "bash", line]
        process.standardOutput = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        let asked = try SmallFile.read(folder.sub("asked")).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return (output.split(separator: "\n").map(String.init), asked.trimmingCharacters(in: .newlines))
    }

    private static var hasBash: Bool { FileManager.default.isExecutableFile(atPath: "/bin/bash") }

    @Test(.enabled(if: CompletionTests.hasBash), arguments: [
        ("mqadmin topicR", ["topicRoute"], ""),
        ("mqadmin he", ["help"], ""),
        ("mqadmin help topicSt", ["topicStatus"], ""),
        ("mqadmin completion f", ["fish"], ""),
        ("mqadmin topicRoute --to", ["--topic"], ""),
        ("mqadmin topicRoute --j", ["--json"], ""),
        ("mqadmin topicRoute -t O", ["Orders", "Other"], "completion topics"),
        ("mqadmin topicRoute --topic Ord", ["Orders"], "completion topics"),
        ("mqadmin topicRoute -t I", ["It\\|s"], "completion topics"),
        ("mqadmin tail Or", ["Orders"], "completion topics"),
        ("mqadmin topicRoute -n 10.0.0.9:9876 -t Ord", ["Orders"], "completion topics -n 10.0.0.9:9876"),
        ("mqadmin topicRoute -n '10.0.0.9:9876;10.0.0.8:9876' -t Ord", ["Orders"], "completion topics -n 10.0.0.9:9876;10.0.0.8:9876"),
        ("mqadmin consumerProgress -g ", ["order_consumer"], "completion groups"),
        ("mqadmin clusterAclConfigVersion -c D", ["DefaultCluster"], "completion clusters"),
        ("mqadmin wipeWritePerm -b b", ["broker-a"], "completion brokers"),
        ("mqadmin brokerStatus -b 10", ["10.0.0.1:10911", "10.0.0.2:10911"], "completion addresses"),
        // What stands before a colon is on the line already: bash counts it as a word of its own.
        ("mqadmin brokerStatus -b 10.0.0.2:1", ["10911"], "completion addresses"),
        // The value of another option is anybody's guess, or a file.
        ("mqadmin exportConfigs -f ", [], ""),
        ("mqadmin brokerConsumeStats -t ", [], ""),
        ("mqadmin nosuch ", [], ""),
    ] as [(String, [String], String)])
    func bashOffers(_ line: String, _ offered: [String], _ asked: String) throws {
        let bash = try Self.bash(line)
        #expect(bash.offered == offered)
        #expect(bash.asked == asked)
    }

    @Test(.enabled(if: CompletionTests.hasBash)) func bashKnowsEveryCommandAndItsOptions() throws {
        #expect(Set(try Self.bash("mqadmin ").offered) == Set(AdminTool.commands.map(\.name) + ["help"]))
        let options = try Self.bash("mqadmin topicStatus ").offered
        #expect(options.contains("-t") && options.contains("--topic") && options.contains("--namesrvAddr"))
        // A long name with a blank cannot be typed.
        #expect(!(try Self.bash("mqadmin consumeMessage --").offered.contains { $0.hasPrefix("--begin") }))
    }

    @Test(arguments: [
        ("bash", "complete -o default -F _mqadmin mqadmin"), ("zsh", "#compdef mqadmin"), ("fish", "-a topicRoute"), ("BASH", "complete -o"),
    ])
    func scriptIsPrinted(_ shell: String, _ part: String) async throws {
        let run = try await Run(["completion", shell])
        #expect(run.output.contains(part))
        #expect(run.errors.isEmpty)
        let json = try JSONValue(parsing: await Run(["completion", "-s", shell, "--json"]).output)
        #expect(json["script"]?.asString == run.output)
    }

    /// Texts of commands stand in quotes of the shell.
    @Test func apostrophesAreQuoted() {
        #expect(Self.script.text(for: .fish).contains(#"-d 'Update broker'\''s config'"#))
        #expect(Self.script.text(for: .zsh).contains(#"'updateBrokerConfig:Update broker'\''s config'"#))
    }

    @Test(arguments: [
        ("topics", ["Orders"]), ("groups", ["order_consumer"]), ("clusters", ["GoldenCluster"]), ("brokers", ["golden-a", "golden-b"]),
        ("addresses", ["127.0.0.1:30911", "127.0.0.1:31911"]),
    ])
    func namesOfACluster(_ kind: String, _ names: [String]) async throws {
        let servers = Servers { command, address in
            guard command.requestCode == .getAllTopicListFromNameserver else { return Golden.answer(command, address) }
            return .response(.success, body: RMQRemoting.TopicList(["Orders", "%RETRY%order_consumer", "%DLQ%order_consumer"]).body)
        }
        let run = try await Run(["completion", kind], servers: servers)
        #expect(run.output == names.map { $0 + "\n" }.joined())
    }

    @Test(arguments: [[], ["tcsh"], ["-s", ""]])
    func shellThatIsNotKnown(_ words: [String]) async throws {
        let run = try await Run(["completion"] + words)
        #expect(run.errors.contains("completion takes one of bash, zsh, fish, not \"\(words.last ?? "")\""))
        #expect(run.output.isEmpty)
    }
}
