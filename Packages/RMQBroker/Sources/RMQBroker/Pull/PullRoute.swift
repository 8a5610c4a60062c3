import RMQCommon
import RMQFilter
import RMQRemoting

/// What a loop keeps of a group and a topic between pulls.
final class PullRoute {
    let topic: LoopTopic
    let advice: PullAdvice
    /// Where the group's offsets are committed; nil when the table of offsets is full.
    let progress: GroupProgress?
    let statistics: PullStatistics
    /// Why pulls of this pair are refused, whatever else they say.
    let refusal: Refusal?
    /// What the members' heartbeats say of this topic.
    let heartbeat: Heartbeat

    enum Heartbeat {
        case noConsumers
        case broadcastForbidden
        case notSubscribed
        case subscribed(PullFilter, version: Int64, isTag: Bool)
    }

    /// The subscription that the last pull carried, parsed.
    private var carriedText: [UInt8]?
    private var carriedFilter = PullFilter.all

    init(
        topic: LoopTopic, advice: PullAdvice, progress: GroupProgress?, statistics: PullStatistics, refusal: Refusal?, heartbeat: Heartbeat
    ) {
        self.topic = topic
        self.advice = advice
        self.progress = progress
        self.statistics = statistics
        self.refusal = refusal
        self.heartbeat = heartbeat
    }

    /// The filter of a tag expression that came with a pull; the same text again is not parsed again.
    func filter(carried text: UnsafeRawBufferPointer?) throws(TagExpressionError) -> PullFilter {
        guard let text, !text.isEmpty else { return .all }
        if let carriedText, carriedText.count == text.count, zip(carriedText, text).allSatisfy({ $0 == $1 }) { return carriedFilter }
        let filter = PullFilter.tags(TagFilter(try TagExpression(String(decoding: text, as: UTF8.self))))
        carriedText = [UInt8](text)
        carriedFilter = filter
        return filter
    }
}
