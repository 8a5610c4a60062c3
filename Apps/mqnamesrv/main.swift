import Glibc
import RMQNamesrv

exit(NameServerProgram(arguments: Array(CommandLine.arguments.dropFirst())).run())
