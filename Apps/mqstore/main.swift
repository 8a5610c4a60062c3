import Glibc
import RMQCommon
import RMQStoreBench
import RMQStoreTool

// mqstore <command> <directory> [options]: everything is in RMQStoreTool; the store's own figures are in RMQStoreBench.
StandardStreams.openClosedOnes()
let words = Array(CommandLine.arguments.dropFirst())
if ProgramVersion.answers(words, program: "mqstore") { exit(0) }
exit(words.first.isExactly("bench") ? StoreBench.run(Array(words.dropFirst())) : StoreTool(output: .console).run(words))
