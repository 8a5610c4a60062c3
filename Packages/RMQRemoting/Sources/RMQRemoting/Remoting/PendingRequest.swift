public import RMQCommon
import Synchronization

/// A send or a pull on its way through a ``RemotingPeer``: all that there is of it, in one piece of memory, so that the task that waits
/// for it keeps hardly anything else.
///
/// Made for one ``RemotingPeer/run(_:)`` or ``RemotingPeer/start(_:then:)``. Unchecked `Sendable`: its task looks at it before and after
/// that call; during the call it belongs to whoever took it out of the outbox, which is one.
public final class PendingRequest: @unchecked Sendable {
    /// How a request ended.
    public enum Outcome: Sendable {
        /// The message is stored.
        case stored(StoredAnswer)
        /// The pull was served.
        case pulled(PullAnswer)
        /// Another answer, as it came: mostly a refusal.
        case other(RemotingCommand)
        /// There is no answer.
        case failed(RemotingError)
    }

    /// What is to be written.
    enum Content: Sendable {
        case message(SendTemplate.Message, SendTemplate)
        case pull(PullTemplate.Place, PullTemplate)
    }

    /// What its task does when it goes on.
    enum Step: UInt8, AtomicRepresentable {
        case end
        /// Tries again: there is room, which is kept for it.
        case useRoom
        /// Waits for a connection.
        case connect
    }

    let content: Content
    let kind: Outbox.Kind
    let code: RequestCode
    /// When its time began.
    public let begin: MonotonicInstant
    let deadline: MonotonicInstant
    /// The number that ties the answer to it.
    var number: Int32 = 0
    /// What it needs room for while it waits for that; 0 when it is on its way.
    var bytesToCome = 0
    var continuation: UnsafeContinuation<Void, Never>?
    /// Called in place of a task that goes on, where no task waits.
    var follower: (@Sendable (Step) -> Void)?
    /// Written last and read first by who goes on, so that all else is seen, too.
    let step = Atomic(Step.end)
    /// How the request ended, once ``RemotingPeer/run(_:)`` has returned.
    public private(set) var outcome = Outcome.failed(.closed)

    /// A message to be stored.
    /// - Parameters:
    ///   - begin: this moment, from which the time of the send counts.
    ///   - deadline: ends all waiting: for a connection, for room and for the answer.
    public init(sending message: SendTemplate.Message, by template: SendTemplate, from begin: MonotonicInstant, until deadline: MonotonicInstant) {
        content = .message(message, template)
        kind = .send
        code = template.code
        self.begin = begin
        self.deadline = deadline
    }

    /// Messages to be read.
    public init(pulling place: PullTemplate.Place, by template: PullTemplate, from begin: MonotonicInstant, until deadline: MonotonicInstant) {
        content = .pull(place, template)
        kind = .pull
        code = .pullMessage
        self.begin = begin
        self.deadline = deadline
    }

    /// Has the task go on. Called by the one who has it, once for each time that the task waits.
    func resume(_ next: Step) {
        let waiting = continuation
        continuation = nil
        let follower = follower
        // Holds the request: their circle ends with it.
        if next == .end { self.follower = nil }
        step.store(next, ordering: .releasing)
        waiting?.resume()
        follower?(next)
    }

    /// The same for the end of the request.
    func end(_ outcome: Outcome) {
        self.outcome = outcome
        resume(.end)
    }
}
