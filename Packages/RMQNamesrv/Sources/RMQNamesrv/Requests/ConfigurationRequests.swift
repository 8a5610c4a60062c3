import RMQCommon
import RMQRemoting

/// Codes 318 and 319: the server's own configuration.
enum ConfigurationRequests {
    /// Longest body of a change: far more than all keys take, and read in some milliseconds on the one thread that changes files.
    private static let changeByteLimit = 1 << 20

    /// 318. Answered once the change is on disk.
    static func update(_ command: RemotingCommand, _ caller: RequestCaller) throws -> Reply {
        caller.server.logger.info("updateConfig called by \(caller.connection.remote)")
        try caller.server.configuration.current.listener.checkUpdate(from: caller.connection.remote, accessControl: caller.server.accessControl)
        guard !command.body.isEmpty else { return .response(.success) }
        guard command.body.count <= changeByteLimit else {
            throw Refusal(.systemError, "a change of \(command.body.count) bytes; it may have \(changeByteLimit)")
        }
        guard let text = String(validating: command.body, as: UTF8.self) else { throw Refusal(.systemError, "string2Properties error") }
        return .later { reply in
            caller.server.configuration.submit(text, holding: caller.byteCount) { reply.complete(answer($0)) }
        }
    }

    private static func answer(_ failure: (any Error)?) -> RemotingCommand {
        switch failure {
        case nil: .response(.success)
        case let refused as ConfigurationUpdateError where refused.isRefusal: .response(.noPermission, remark: "\(refused)")
        case let failure?: .response(to: failure)
        }
    }

    /// 319.
    static func get(_ command: RemotingCommand, _ caller: RequestCaller) -> Reply {
        .response(.success, body: Array(caller.server.configuration.current.text.utf8))
    }
}
