public import RMQCommon

/// One client of a group, as a broker sees it.
public struct ClientConnection: JSONBody, Hashable {
    @ByteText public var clientId = ""
    /// `ip:port`.
    @ByteText public var address = ""
    public var language = LanguageCode.unknown
    public var version: Int32 = 0

    public init() {}

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("clientAddr", &address)
        try members.optional("clientId", &clientId)
        try members.optional("language", &language)
        try members.optional("version", &version)
    }
}

/// The members of a consumer group and what they subscribe to: the answer to 203.
public struct ConsumerConnection: JSONBody {
    public var connections: [ClientConnection] = []
    public var subscriptions: [ByteText: SubscriptionData] = [:]
    public var consumeType = ConsumeType.passively
    public var messageModel = MessageModel.clustering
    public var consumeFromWhere = ConsumeFromWhere.lastOffset

    public init() {}

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("connectionSet", &connections)
        try members.optional("consumeFromWhere", &consumeFromWhere)
        try members.optional("consumeType", &consumeType)
        try members.optional("messageModel", &messageModel)
        try members.optional("subscriptionTable", &subscriptions)
    }
}

/// The members of a producer group: the answer to 204.
public struct ProducerConnection: JSONBody {
    public var connections: [ClientConnection] = []

    public init() {}
    public init(connections: [ClientConnection]) { self.connections = connections }

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("connectionSet", &connections)
    }
}

/// The producers of every group: the answer to 328.
public struct ProducerTableInfo: JSONBody {
    /// One producer of a group.
    public struct Producer: JSONBody, Hashable {
        @ByteText public var clientId = ""
        /// As the reference writes it, `/ip:port`.
        @ByteText public var remoteAddress = ""
        public var language = LanguageCode.unknown
        public var version: Int32 = 0
        /// In milliseconds since 1970.
        public var lastUpdateTimestamp: Int64 = 0

        public init() {}

        public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
            try members.optional("clientId", &clientId)
            try members.optional("language", &language)
            try members.optional("lastUpdateTimestamp", &lastUpdateTimestamp)
            try members.optional("remoteIP", &remoteAddress)
            try members.optional("version", &version)
        }
    }

    public var groups: [ByteText: [Producer]] = [:]

    public init() {}
    public init(groups: [ByteText: [Producer]]) { self.groups = groups }

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("data", &groups)
    }
}
