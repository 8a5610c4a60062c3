import Glibc
import RMQBench

exit(await BenchCommand.run(Array(CommandLine.arguments.dropFirst())))
