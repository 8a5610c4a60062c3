import RMQCommon
import RMQRemoting

/// Where messages go: a broker and one of its queues.
struct SendTarget: Sendable {
    let address: HostAddress
    let queueId: Int32
}

/// What a load asks for.
enum LoadKind: String, CaseIterable, Sendable {
    case plain
    /// Messages with the first delay level.
    case delayed
    /// A half message, and its commit once it is stored; both together count as one.
    case transactions
    /// Messages with a number from 0 to 9 in turn, as a tag and as a property: what filters are measured with.
    case filtered
    /// The first message of the log is given back, again and again.
    case sendBacks = "send-backs"
}

/// What is sent, and how hard.
struct SendPlan: Sendable {
    var kind = LoadKind.plain
    var topic: String
    var targets: [SendTarget]
    var size: Int
    var connections: Int
    var depth: Int
    var serialization: HeaderSerialization
    /// Signs each request; nil leaves them unsigned.
    var signer: RequestSigner?
    /// Ends after so many messages or after so much time, whichever comes first.
    var messages: Int?
    var duration: Duration?
    /// Encrypts the connections; nil leaves them plain.
    var tls: TLSClient?
    /// Sends a second, in an open loop; nil sends whenever an answer makes room.
    var rate: Int?

    /// One thread's part of it: what does not divide evenly goes to the first threads.
    func share(of thread: Int, threads: Int) -> SendPlan {
        func part(_ whole: Int) -> Int { whole / threads + (thread < whole % threads ? 1 : 0) }
        var share = self
        share.connections = part(connections)
        share.messages = messages.map(part)
        share.rate = rate.map(part)
        return share
    }
}
