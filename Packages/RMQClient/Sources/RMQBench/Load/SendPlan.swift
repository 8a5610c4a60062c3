import RMQCommon
import RMQRemoting

/// Where messages go: a broker and one of its queues.
struct SendTarget: Sendable {
    let address: HostAddress
    let queueId: Int32
}

/// What is sent, and how hard.
struct SendPlan: Sendable {
    var topic: String
    var targets: [SendTarget]
    var size: Int
    var connections: Int
    var depth: Int
    var serialization: HeaderSerialization
    /// Ends after so many messages or after so much time, whichever comes first.
    var messages: Int?
    var duration: Duration?
    /// Sends a second, in an open loop; nil sends whenever an answer makes room.
    var rate: Int?
    /// Instead of sending, gives the first message of the log back for this group.
    var givesBackTo: String?

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
