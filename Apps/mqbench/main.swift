import Glibc
import RMQCommon
import RMQBench

StandardStreams.openClosedOnes()
exit(await BenchCommand.run(Array(CommandLine.arguments.dropFirst())))
