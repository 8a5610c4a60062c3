import RMQCommon
import RMQRemoting

/// Code 318.
extension NameServerHandler {
    func updateConfiguration(_ command: RemotingCommand, _ connection: Connection, _ reply: ReplyHandle) {
        core.logger.info("updateConfig called by \(connection.remote)")
        guard !command.body.isEmpty else { return reply.complete(.response(.success)) }
        guard let text = String(validating: command.body, as: UTF8.self) else {
            return reply.complete(.response(.systemError, remark: "string2Properties error"))
        }
        core.updateConfiguration(PropertiesText.parse(text)) { reply.complete(.response(to: $0)) }
    }
}
