import RMQCommon
import RMQRemoting

/// Sends and pulls: what is asked of brokers thousands of times a second, and does not become a command on the way.
extension ClientCore {
    /// The server at an address, for sends and pulls; nil where requests do not travel over the network.
    func peer(_ address: String) -> RemotingPeer? { transport.peer(address, serialization: configuration.headers) }

    /// Sends a message and waits for the answer, whatever it says.
    func send(
        _ message: OutgoingMessage, to target: PublishTarget, from begin: MonotonicInstant, until deadline: MonotonicInstant
    ) async throws(ClientError) -> SendAnswer {
        let template = target.template(for: message.kind)
        guard let peer = target.peer else {
            return .other(try await request(template.command(message.content), to: target.address, timeout: deadline - begin))
        }
        guard !isClosed else { throw .closedClient }
        guard begin < deadline else { throw ClientError(.timedOut, "no time was left to ask \(target.address) for \(template.code)") }
        do {
            return try await peer.send(message.content, by: template, from: begin, until: deadline)
        } catch {
            throw ClientError(error)
        }
    }

    /// Pulls once from the broker at an address.
    ///
    /// - Throws: `refused` unless the broker served the pull, if only with the word that there is nothing.
    func pull(_ header: PullMessageHeader, at address: String, timeout: Duration) async throws(ClientError) -> PullAnswer {
        let answer: RemotingCommand
        if let peer = peer(address) {
            guard !isClosed else { throw .closedClient }
            let begin = MonotonicInstant.now
            do {
                switch try await peer.pull(header, from: begin, until: begin + timeout) {
                case .served(let served): return served
                case .other(let other): answer = other
                }
            } catch {
                throw ClientError(error)
            }
        } else {
            answer = try await request(RemotingCommand(.pullMessage, header: header), to: address, timeout: timeout)
        }
        guard PullAnswer.isServed(answer.responseCode) else {
            let queue = MessageQueue(topic: header.topic, brokerName: header.brokerName ?? address, queueId: header.queueId)
            throw .refused(answer, by: address, asked: "a pull from \(queue)")
        }
        return PullAnswer(code: answer.responseCode, try read(answer, PullMessageResponseHeader.self, address), body: answer.body)
    }
}
