public import RMQCommon

// The pushing of a reply to the client that asked: request code 326.

/// Header of a reply on its way to the client that asked (326): that of its send, and where it was born and taken.
public struct ReplyPushHeader: CommandHeader, Equatable {
    @ByteText public var producerGroup = ""
    @ByteText public var topic = ""
    @ByteText public var defaultTopic = ""
    public var defaultTopicQueueCount: Int32 = 0
    public var queueId: Int32 = 0
    public var systemFlag: Int32 = 0
    /// The replier's clock in milliseconds since 1970.
    public var bornTimestamp: Int64 = 0
    public var flag: Int32 = 0
    /// The property string, by which the client finds the request.
    public var properties: String?
    public var reconsumeTimes: Int32?
    public var unitMode = false
    /// The replier, as `ip:port`.
    @ByteText public var bornHost = ""
    /// The broker, as `ip:port`.
    @ByteText public var storeHost = ""
    /// When the broker took the reply, in milliseconds since 1970.
    public var storeTimestamp: Int64 = 0

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("producerGroup", &producerGroup)
        try fields.required("topic", &topic)
        try fields.required("defaultTopic", &defaultTopic)
        try fields.required("defaultTopicQueueNums", &defaultTopicQueueCount)
        try fields.required("queueId", &queueId)
        try fields.required("sysFlag", &systemFlag)
        try fields.required("bornTimestamp", &bornTimestamp)
        try fields.required("flag", &flag)
        try fields.optional("properties", &properties)
        try fields.optional("reconsumeTimes", &reconsumeTimes)
        try fields.optional("unitMode", &unitMode)
        try fields.required("bornHost", &bornHost)
        try fields.required("storeHost", &storeHost)
        try fields.required("storeTimestamp", &storeTimestamp)
    }
}
