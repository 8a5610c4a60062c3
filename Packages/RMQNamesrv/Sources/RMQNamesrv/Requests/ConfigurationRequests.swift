import RMQCommon
import RMQRemoting

/// Codes 318 and 319: the server's own configuration.
enum ConfigurationRequests {
    /// 318. Answered once the change is on disk.
    static func update(_ command: RemotingCommand, _ caller: RequestCaller) throws -> Reply {
        caller.server.logger.info("updateConfig called by \(caller.connection.remote)")
        guard !command.body.isEmpty else { return .response(.success) }
        guard let text = String(validating: command.body, as: UTF8.self) else { throw Refusal(.systemError, "string2Properties error") }
        let configuration = caller.server.configuration
        return .elsewhere(caller.server.files) {
            do {
                try configuration.update(PropertiesText.parse(text))
            } catch let error as ConfigurationUpdateError where error.isRefusal {
                throw Refusal(.noPermission, "\(error)")
            }
            return .response(.success)
        }
    }

    /// 319.
    static func get(_ command: RemotingCommand, _ caller: RequestCaller) -> Reply {
        .response(.success, body: Array(caller.server.configuration.current.text.utf8))
    }
}
