import RMQRemoting

/// The header of a send, whichever code and serialization it came in. Its bytes are valid while the request is handled.
struct SendRequest {
    var topic: UnsafeRawBufferPointer
    /// Nil when absent, which only matters to a topic that has to be made.
    var defaultTopic: UnsafeRawBufferPointer?
    var defaultTopicQueues: Int32?
    var queueId: Int32
    var systemFlag: Int32
    var bornTimestamp: Int64
    var flag: Int32
    var properties: UnsafeRawBufferPointer
    var reconsumeTimes: Int32
    /// Nil when absent, which leaves it to the group.
    var maxReconsumeTimes: Int32?
    var isUnit: Bool
    var isBatch: Bool

    init(_ fields: SendFields) {
        topic = fields.topic
        defaultTopic = fields.defaultTopic
        defaultTopicQueues = fields.defaultTopicQueueNums
        queueId = fields.queueId
        systemFlag = fields.sysFlag
        bornTimestamp = fields.bornTimestamp
        flag = fields.flag
        properties = fields.properties
        reconsumeTimes = fields.reconsumeTimes
        maxReconsumeTimes = fields.maxReconsumeTimes
        isUnit = fields.unitMode
        isBatch = fields.batch
    }

    /// From a header of unusual form, lent to `body`.
    static func with<Result>(_ header: SendMessageHeader, _ body: (SendRequest) -> Result) -> Result {
        var text = Array(header.topic.utf8)
        let topicEnd = text.count
        text += (header.defaultTopic ?? "").utf8
        let defaultTopicEnd = text.count
        text += (header.properties ?? "").utf8
        return text.withUnsafeBytes { text in
            body(
                SendRequest(
                    header, topic: UnsafeRawBufferPointer(rebasing: text[..<topicEnd]),
                    defaultTopic: header.defaultTopic.map { _ in UnsafeRawBufferPointer(rebasing: text[topicEnd..<defaultTopicEnd]) },
                    properties: UnsafeRawBufferPointer(rebasing: text[defaultTopicEnd...])))
        }
    }

    private init(
        _ header: SendMessageHeader, topic: UnsafeRawBufferPointer, defaultTopic: UnsafeRawBufferPointer?, properties: UnsafeRawBufferPointer
    ) {
        self.topic = topic
        self.defaultTopic = defaultTopic
        self.properties = properties
        defaultTopicQueues = header.defaultTopicQueueCount
        queueId = header.queueId
        systemFlag = header.systemFlag
        bornTimestamp = header.bornTimestamp
        flag = header.flag
        reconsumeTimes = header.reconsumeTimes ?? 0
        maxReconsumeTimes = header.maxReconsumeTimes
        isUnit = header.unitMode
        isBatch = header.isBatch
    }
}
