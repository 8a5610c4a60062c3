import RMQCommon
import RMQRemoting

/// Sends and pulls: what is asked of brokers thousands of times a second, and does not become a command on the way.
extension ClientCore {
    /// The server at an address, for sends and pulls; nil where requests do not travel over the network.
    func peer(_ address: String) -> RemotingPeer? { transport.peer(address, serialization: configuration.headers) }

    /// Pulls once from the broker at an address.
    ///
    /// - Throws: `refused` unless the broker served the pull, if only with the word that there is nothing.
    func pull(
        _ template: PullTemplate, _ place: PullTemplate.Place, at address: String, timeout: Duration
    ) async throws(ClientError) -> PullAnswer {
        guard let peer = peer(address) else {
            return try served(.other(try await request(template.command(place), to: address, timeout: timeout)), template, address)
        }
        guard !isClosed else { throw .closedClient }
        let begin = MonotonicInstant.now
        let request = PendingRequest(pulling: place, by: template, from: begin, until: begin + timeout)
        await peer.run(request)
        return try served(request.outcome, template, address)
    }

    /// The same for many pulls from one broker; `completion` is called once, on the network's thread where an answer came, and must not block.
    ///
    /// - Parameter peer: the server at the address; nil where there is none.
    func pull(
        _ template: PullTemplate, _ place: PullTemplate.Place, from begin: MonotonicInstant, at address: String, _ peer: RemotingPeer?,
        timeout: Duration, completion: @escaping @Sendable (Result<PullAnswer, ClientError>) -> Void
    ) {
        guard !isClosed else { return completion(.failure(.closedClient)) }
        let ended: @Sendable (PendingRequest.Outcome) -> Void = { outcome in
            completion(Result { () throws(ClientError) in try self.served(outcome, template, address) })
        }
        if let peer {
            peer.start(PendingRequest(pulling: place, by: template, from: begin, until: begin + timeout), then: ended)
            return
        }
        var command = template.command(place)
        command.setSerialization(preferring: configuration.headers)
        transport.request(command, to: address, timeout: timeout) { outcome in
            switch outcome {
            case .success(let answer): ended(.other(answer))
            case .failure(let error): ended(.failed(error))
            }
        }
    }

    private func served(_ outcome: PendingRequest.Outcome, _ template: PullTemplate, _ address: String) throws(ClientError) -> PullAnswer {
        switch outcome {
        case .pulled(let served): return served
        case .failed(let error): throw ClientError(error)
        case .stored: preconditionFailure("a pull is not answered as a send")
        case .other(let answer):
            guard PullAnswer.isServed(answer.responseCode) else {
                throw .refused(answer, by: address, asked: "a pull from \(template.queue)")
            }
            return PullAnswer(code: answer.responseCode, try read(answer, PullMessageResponseHeader.self, address), body: answer.body)
        }
    }
}
