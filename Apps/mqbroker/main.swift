import Glibc
import RMQBroker
import RMQCommon
import RMQNamesrv
import RMQRemoting

/// The name server of `mqbroker --standalone`, with its defaults.
func startNameServer(_ logger: Logger) throws -> BrokerCommandLine.NameServerInProcess {
    let loops = EventLoopGroup(count: 1, name: "namesrv")
    let server = try NameServer(configuration: NameServerConfiguration(), logger: logger.with(category: "RocketmqNamesrv"), loops: loops)
    try server.start()
    return .init(address: "127.0.0.1:\(server.port)") {
        server.stop()
        loops.stop()
    }
}

let status = BrokerCommandLine(arguments: Array(CommandLine.arguments.dropFirst()), startNameServer: startNameServer).run()
exit(status)
