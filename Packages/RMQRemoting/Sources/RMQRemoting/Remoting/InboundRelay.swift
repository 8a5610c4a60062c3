/// Hands what a server asks to the client's asynchronous handler, a task each.
final class InboundRelay: RequestHandler {
    private let callbacks: ClientCallbacks

    init(_ callbacks: ClientCallbacks) { self.callbacks = callbacks }

    func receive(_ request: InboundFrame, on connection: Connection) {
        guard let handler = callbacks.request else {
            return connection.reply(
                .response(.requestCodeNotSupported, remark: "request type \(request.code) not supported"), to: request)
        }
        guard let command = try? request.command() else { return connection.close() }
        let reply = connection.replyHandle(for: request)
        let handle = connection.handle
        Task {
            if let answer = await handler(command, handle) { reply.complete(answer) }
        }
    }
}
