import RMQFilter
import RMQRemoting

/// The header of a pull in whichever form it came. Its bytes are valid while the request is handled.
struct PullRequest {
    var group: UnsafeRawBufferPointer
    var topic: UnsafeRawBufferPointer
    var queueId: Int32
    var offset: Int64
    var maxCount: Int32
    var flags: PullFlags
    var commitOffset: Int64
    var suspendMilliseconds: Int64
    var subscription: UnsafeRawBufferPointer?
    var subscriptionVersion: Int64
    var expressionType: UnsafeRawBufferPointer?

    init(_ fields: PullFields) {
        group = fields.consumerGroup
        topic = fields.topic
        queueId = fields.queueId
        offset = fields.queueOffset
        maxCount = fields.maxMsgNums
        flags = PullFlags(rawValue: fields.sysFlag)
        commitOffset = fields.commitOffset
        suspendMilliseconds = fields.suspendTimeoutMillis
        subscription = fields.subscription
        subscriptionVersion = fields.subVersion
        expressionType = fields.expressionType
    }

    /// From a header of unusual form, lent to `body`.
    static func with<Result>(_ header: PullMessageHeader, _ body: (PullRequest) -> Result) -> Result {
        let parts = [header.consumerGroup, header.topic, header.subscription ?? "", header.expressionType ?? ""].map { Array($0.utf8) }
        return Array(parts.joined()).withUnsafeBytes { text in
            var start = 0
            let slices = parts.map { part in
                defer { start += part.count }
                return UnsafeRawBufferPointer(rebasing: text[start..<start + part.count])
            }
            return body(PullRequest(header, slices))
        }
    }

    private init(_ header: PullMessageHeader, _ slices: [UnsafeRawBufferPointer]) {
        group = slices[0]
        topic = slices[1]
        queueId = header.queueId
        offset = header.queueOffset
        maxCount = header.maxMessages
        flags = header.flags
        commitOffset = header.commitOffset
        suspendMilliseconds = header.suspendTimeoutMillis
        subscription = header.subscription == nil ? nil : slices[2]
        subscriptionVersion = header.subscriptionVersion
        expressionType = header.expressionType == nil ? nil : slices[3]
    }
}

/// What a loop keeps of a group and a topic between pulls.
final class PullRoute {
    let topic: LoopTopic
    /// Where the group's offsets are committed; nil when the table of offsets is full.
    let progress: GroupProgress?
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

    init(topic: LoopTopic, progress: GroupProgress?, refusal: Refusal?, heartbeat: Heartbeat) {
        self.topic = topic
        self.progress = progress
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
