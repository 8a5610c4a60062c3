import RMQCommon
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct CommandOptionsTests {
    private static let declared = CommandOption.common + [
        .required("t", "topic", "topic name"), .flag("l", "list", "Use list format"), CommandOption("c", "count", "how many"),
    ]

    @Test(arguments: [
        ["-t", "x", "-l"], ["-tx", "-l"], ["--topic", "x", "--list"], ["--topic=x", "-l"], ["-lt", "x"], ["-ltx"], ["word", "-l", "-t", "x", "rest"],
        ["-t", "x", "-t", "y", "-l"], ["-l", "-t", " x "],
    ])
    func writtenForms(_ words: [String]) throws {
        let options = try CommandOptions(words, declared: Self.declared)
        #expect(options["t"] == "x")
        #expect(options.has("l"))
        #expect(!options.has("h"))
        #expect(options["n"] == nil)
    }

    @Test func valueMayBeginWithADash() throws {
        #expect(try CommandOptions(["-t", "x", "-c", "-3"], declared: Self.declared)["c"] == "-3")
        #expect(throws: CommandOptions.Refusal.missingValue("-t")) { try CommandOptions(["-t", "-c", "3"], declared: Self.declared) }
    }

    @Test(arguments: [
        (["-t", "x", "-z"], .unknownOption("-z")), (["-t", "x", "--lis"], .unknownOption("--lis")), (["-t", "x", "--list=1"], .unknownOption("--list=1")),
        (["-t"], .missingValue("-t")), (["-l"], .missingOption("t")),
    ] as [([String], CommandOptions.Refusal)])
    func refusals(_ words: [String], _ refusal: CommandOptions.Refusal) {
        #expect(throws: refusal) { try CommandOptions(words, declared: Self.declared) }
    }

    @Test(arguments: [
        (["-t", "x"], []), (["one", "-t", "x", "-l", "two"], ["one", "two"]), (["-t", "x", "--", "-l", "--topic"], ["-l", "--topic"]), (["-t", "x", "-"], ["-"]),
    ] as [([String], [String])])
    func wordsThatBelongToNoOptionAreOperands(_ words: [String], _ operands: [String]) throws {
        #expect(try CommandOptions(words, declared: Self.declared).operands == operands)
    }

    @Test func exactlyOneOfSeveral() throws {
        let declared: [CommandOption] = [.oneOf("b", "broker", ""), .oneOf("c", "cluster", "")]
        #expect(try CommandOptions(["-c", "x"], declared: declared)["c"] == "x")
        for (words, given) in [([], 0), (["-b", "x", "-c", "y"], 2)] {
            #expect(throws: CommandOptions.Refusal.alternatives(["b", "c"], given: given)) { try CommandOptions(words, declared: declared) }
        }
        #expect("\(CommandOptions.Refusal.alternatives(["b", "c"], given: 0))" == "one of -b, -c is needed, 0 are given")
    }

    /// As the reference's name server prints it.
    @Test func usage() {
        let options = CommandOption.common + [
            CommandOption("c", "configFile", "Name server config properties file"), .flag("p", "printConfigItem", "Print all config items"),
        ]
        #expect(
            CommandUsage.text(program: "mqnamesrv", options: options) == """
                usage: mqnamesrv [-c <arg>] [-h] [-n <arg>] [-p]
                 -c,--configFile <arg>    Name server config properties file
                 -h,--help                Print help
                 -n,--namesrvAddr <arg>   Name server address list, eg: '192.168.0.1:9876;192.168.0.2:9876'
                 -p,--printConfigItem     Print all config items

                """)
    }
}
