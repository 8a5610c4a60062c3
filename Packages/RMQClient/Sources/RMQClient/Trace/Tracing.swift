import RMQCommon

/// Whether a client records what becomes of its messages.
///
/// Records are gathered and sent as messages in the reference's format, so that `queryMsgTraceById` of its mqadmin and consoles show who sent a
/// message, who consumed it, when and how long that took. They never delay nor fail what they are about: when they cannot be sent as fast
/// as they come, the newest are dropped and counted in the log.
public enum Tracing: Sendable {
    /// Nothing is recorded.
    case disabled
    /// Records go to `topic`, which needs a broker that has it: by default that is one with `traceTopicEnable=true`.
    case enabled(topic: String = "RMQ_SYS_TRACE_TOPIC")

    /// Nil when nothing is recorded.
    var topic: String? {
        switch self {
        case .disabled: nil
        case .enabled(let topic): topic
        }
    }

    func check() throws(ClientError) {
        guard let topic else { return }
        try Validation.checkTopic(topic)
        guard !SystemTopic.isForbiddenToSend(topic) else { throw ClientError(.forbiddenTopic, "traces must not be sent to \(topic)") }
    }
}
