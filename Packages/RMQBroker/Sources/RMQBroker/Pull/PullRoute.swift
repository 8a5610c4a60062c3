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
    /// For a retry topic whose messages are filtered by what the group wants of the topics that they come from; else nil.
    private let retryFilter: RetryFilter?

    enum Heartbeat {
        case noConsumers
        case broadcastForbidden
        case notSubscribed
        case subscribedByTags(TagFilter, version: Int64)
        /// The registered filter, which a wrong expression has none of.
        case subscribedByExpression(RegisteredFilter?, type: String, version: Int64)
    }

    struct RegisteredFilter {
        let filter: PullFilter
        /// Of the subscription that it was made of.
        let version: Int64
    }

    /// What the last pull carried that had a subscription.
    private enum Carried {
        case tags([UInt8], TagFilter)
        case expression([UInt8], ExpressionFilter)
    }
    private var carried: Carried?

    init(
        topic: LoopTopic, advice: PullAdvice, progress: GroupProgress?, statistics: PullStatistics, refusal: Refusal?, heartbeat: Heartbeat,
        retryFilter: RetryFilter?
    ) {
        self.topic = topic
        self.advice = advice
        self.progress = progress
        self.statistics = statistics
        self.refusal = refusal
        self.heartbeat = heartbeat
        self.retryFilter = retryFilter
    }

    /// What a pull by tags is filtered by.
    func filter(_ tags: TagFilter) -> PullFilter { retryFilter.map { .retries(tags, $0) } ?? .tags(tags) }

    /// What a pull by an expression is filtered by.
    func filter(_ expression: ExpressionFilter) -> PullFilter { retryFilter.map { .retries(.all, $0) } ?? .expression(expression) }

    /// The filter of a tag expression that came with a pull; the same text again is not parsed again.
    func filter(carriedTags text: UnsafeRawBufferPointer?) throws(TagExpressionError) -> PullFilter {
        guard let text, !text.isEmpty else { return filter(.all) }
        if case .tags(let known, let tags) = carried, Self.isSame(known, text) { return filter(tags) }
        let tags = TagFilter(try TagExpression(String(decoding: text, as: UTF8.self)))
        carried = .tags([UInt8](text), tags)
        return filter(tags)
    }

    /// The filter of an SQL92 expression that came with a pull; the same text again is not compiled again.
    func filter(carriedExpression text: UnsafeRawBufferPointer) throws(SQLExpressionError) -> PullFilter {
        if case .expression(let known, let expression) = carried, Self.isSame(known, text) { return filter(expression) }
        let expression = ExpressionFilter(carried: try SQLExpression(String(decoding: text, as: UTF8.self)))
        carried = .expression([UInt8](text), expression)
        return filter(expression)
    }

    private static func isSame(_ known: [UInt8], _ text: UnsafeRawBufferPointer) -> Bool {
        known.count == text.count && zip(known, text).allSatisfy { $0 == $1 }
    }
}
