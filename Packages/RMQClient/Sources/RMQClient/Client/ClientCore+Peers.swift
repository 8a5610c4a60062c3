import RMQCommon
import RMQRemoting

/// Sends and pulls: what is asked of brokers thousands of times a second, and does not become a command on the way.
extension ClientCore {
    /// The server at an address, for sends and pulls; nil where requests do not travel over the network.
    func peer(_ address: String) -> RemotingPeer? { transport.peer(address, serialization: configuration.headers) }

    /// Pulls once from the broker at an address.
    ///
    /// - Throws: `refused` unless the broker served the pull, if only with the word that there is nothing.
    func pull(_ header: PullMessageHeader, at address: String, timeout: Duration) async throws(ClientError) -> PullAnswer {
        let answer: RemotingCommand
        if let peer = peer(address) {
            guard !isClosed else { throw .closedClient }
            let begin = MonotonicInstant.now
            let request = PendingRequest(pulling: header, from: begin, until: begin + timeout)
            await peer.run(request)
            switch request.outcome {
            case .pulled(let served): return served
            case .other(let other): answer = other
            case .failed(let error): throw ClientError(error)
            case .stored: preconditionFailure("a pull is not answered as a send")
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
