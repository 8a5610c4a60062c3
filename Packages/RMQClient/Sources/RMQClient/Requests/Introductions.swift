import RMQCommon
import RMQRemoting
import Synchronization

/// Which brokers know this client: they pass replies on only to clients whose heartbeat came over a connection that is still open.
///
/// A value: it reads no clock and sends nothing.
struct Introductions: Sendable {
    /// How long a broker that could not be told is left alone: requests must not wait for it again and again.
    static let pauseAfterFailure = Duration.seconds(30)

    /// A broker that is about to be told.
    struct Visit: Sendable, Equatable {
        let address: ByteText
        /// How many connections to it had closed by then.
        fileprivate let losses: Int
    }

    private var known: Set<ByteText> = []
    private var failed: [ByteText: MonotonicInstant] = [:]
    private var losses: [ByteText: Int] = [:]

    /// Those that have to be told now.
    func due(among addresses: Set<ByteText>, now: MonotonicInstant) -> [Visit] {
        addresses.subtracting(known).filter { address in failed[address].map { $0 + Self.pauseAfterFailure <= now } ?? true }
            .map { Visit(address: $0, losses: losses[$0] ?? 0) }
    }

    /// A broker has answered. That counts for nothing when a connection to it has closed since: perhaps the one over which it was told.
    mutating func told(_ visit: Visit) {
        failed[visit.address] = nil
        if losses[visit.address] ?? 0 == visit.losses { known.insert(visit.address) }
    }

    mutating func failed(_ address: ByteText, now: MonotonicInstant) { failed[address] = now }

    /// The connection to a broker closed, so that it has forgotten this client.
    mutating func lost(_ address: String) {
        let address = ByteText(address)
        known.remove(address)
        losses[address, default: 0] += 1
    }
}

extension ClientCore {
    /// Tells the masters that do not know this client that it is here, so that replies find it. Failures are logged.
    ///
    /// Takes half of the time that is left at most: a broker that does not answer must not cost the request.
    ///
    /// Only the producer that every client has is named: who else is here is for the heartbeats to say, which come one after the other.
    func introduce(until deadline: MonotonicInstant) async {
        let limit = min(configuration.requestTimeout, (deadline - .now) / 2)
        guard limit > .zero else { return }
        let due = introductions.withLock { [masters = routes.brokerAddresses.masters] in $0.due(among: masters, now: .now) }
        guard !due.isEmpty else { return }
        let heartbeat = HeartbeatData {
            $0.clientId = clientId
            $0.producers = [ProducerData(group: SystemGroup.innerProducer)]
        }
        let command = RemotingCommand(.heartBeat, body: heartbeat.body)
        await withDiscardingTaskGroup { group in
            for visit in due {
                group.addTask {
                    let address = visit.address
                    do throws(ClientError) {
                        _ = try await self.call(command, at: address.text, timeout: limit)
                        self.introductions.withLock { $0.told(visit) }
                    } catch {
                        // Who gave up waiting knows nothing of the broker.
                        guard error.code != .cancelled else { return }
                        self.introductions.withLock { $0.failed(address, now: .now) }
                        self.logger.warning("\(address) does not know this client, so it cannot pass replies on: \(error)")
                    }
                }
            }
        }
    }
}
