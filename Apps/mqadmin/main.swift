import Glibc
import RMQCommon
import RMQTools

// mqadmin <command> [options]: everything is in RMQTools.
StandardStreams.openClosedOnes()
let words = Array(CommandLine.arguments.dropFirst())
if ProgramVersion.answers(words, program: "mqadmin") { exit(0) }
let tool = AdminTool(output: ConsoleOutput(), environment: { name in getenv(name).map { String(cString: $0) } })
exit(await tool.run(words))
