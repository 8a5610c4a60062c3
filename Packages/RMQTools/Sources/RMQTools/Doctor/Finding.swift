import RMQClient
import RMQCommon

/// Something that a check says about the cluster.
struct Finding: Equatable {
    enum Weight: String {
        /// Messages are refused, lost to readers or in danger.
        case problem
        /// It works, and will not for ever.
        case warning
    }

    var weight: Weight
    /// What is concerned: `broker a:0 (10.0.0.1:10911)`, `group billing`.
    @ByteText var subject: String
    /// What is wrong, with the value and the limit.
    @ByteText var text: String
    /// What to do.
    @ByteText var advice: String

    static func problem(_ subject: String, _ text: String, _ advice: String) -> Finding {
        Finding(weight: .problem, subject: subject, text: text, advice: advice)
    }

    static func warning(_ subject: String, _ text: String, _ advice: String) -> Finding {
        Finding(weight: .warning, subject: subject, text: text, advice: advice)
    }
}

/// One thing that `doctor` looks at.
struct Check: Sendable {
    /// What is all right when it finds nothing: "clocks", "disks".
    var name: String
    var find: @Sendable (Picture) -> [Finding]

    /// All of them, in the order in which they are told: who can be reached first, since much follows from it.
    static let all = nameServerChecks + brokerChecks + topicChecks + groupChecks + [unanswered]
}
