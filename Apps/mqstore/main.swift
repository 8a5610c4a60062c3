import Glibc
import RMQStoreTool

// mqstore <command> <directory> [options]: everything is in RMQStoreTool.
exit(StoreTool(output: .console).run(Array(CommandLine.arguments.dropFirst())))
