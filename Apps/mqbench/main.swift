import Glibc
import RMQCommon
import RMQBench

StandardStreams.openClosedOnes()
let words = Array(CommandLine.arguments.dropFirst())
if ProgramVersion.answers(words, program: "mqbench") { exit(0) }
exit(await BenchCommand.run(words))
