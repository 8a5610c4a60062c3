import Glibc
import RMQCommon
import RMQTools

// mqadmin <command> [options]: everything is in RMQTools.
StandardStreams.openClosedOnes()
let tool = AdminTool(output: ConsoleOutput(), environment: { name in getenv(name).map { String(cString: $0) } })
exit(await tool.run(Array(CommandLine.arguments.dropFirst())))
