import RMQCommon

/// Hands what a server asks to the client's asynchronous handler: a task each, and no more tasks than the client's share.
///
/// The share is counted here, when a request arrives: a task that waits for a thread is memory as well.
final class InboundRelay: RequestHandler {
    private let callbacks: ClientCallbacks

    init(_ callbacks: ClientCallbacks) { self.callbacks = callbacks }

    func receive(_ request: InboundFrame, on connection: Connection) {
        let byteCount = request.header.count + request.body.count
        switch callbacks.begin(holding: byteCount) {
        case .unknown:
            connection.reply(.response(.requestCodeNotSupported, remark: "request type \(request.code) not supported"), to: request)
        case .full(let isNews):
            if isNews { connection.channel.logger.warning("\(connection.remote) asks more than this client answers: some of it is refused") }
            connection.reply(.response(.systemBusy, remark: "this client has as many requests in hand as it takes"), to: request)
        case .begun(let handler):
            guard let command = try? request.command() else {
                callbacks.end(holding: byteCount)
                return connection.close()
            }
            let (reply, handle) = (connection.replyHandle(for: request), connection.handle)
            Task { [callbacks] in
                if let answer = await handler(command, handle) { reply.complete(answer) }
                callbacks.end(holding: byteCount)
            }
        }
    }
}
