public import RMQCommon

// Who is connected to a broker: the answers to 203, 204 and 328.

/// One client of a group, as a broker sees it.
public struct ClientConnection: JSONBody, Hashable {
    @ByteText public var clientId: String
    /// `ip:port`.
    @ByteText public var address: String
    public var language: LanguageCode
    public var version: Int32

    public init(clientId: String, address: String, language: LanguageCode, version: Int32) {
        self.clientId = clientId
        self.address = address
        self.language = language
        self.version = version
    }

    public init(json: JSONValue) throws(JSONError) {
        let object = try json.requireObject("connection")
        clientId = try object.string("clientId", default: "")
        address = try object.string("clientAddr", default: "")
        language = LanguageCode(json: object["language"])
        version = try object.int32("version", default: 0)
    }

    public var json: JSONValue {
        [
            "clientAddr": JSONValue(address), "clientId": JSONValue(clientId),
            "language": JSONValue(language.description), "version": JSONValue(version),
        ]
    }
}

/// The members of a consumer group and what they subscribe to: the answer to 203.
public struct ConsumerConnection: JSONBody {
    public var connections: [ClientConnection]
    public var subscriptions: [ByteText: SubscriptionData]
    public var consumeType: ConsumeType
    public var messageModel: MessageModel
    public var consumeFromWhere: ConsumeFromWhere

    public init(
        connections: [ClientConnection], subscriptions: [ByteText: SubscriptionData], consumeType: ConsumeType,
        messageModel: MessageModel, consumeFromWhere: ConsumeFromWhere
    ) {
        self.connections = connections
        self.subscriptions = subscriptions
        self.consumeType = consumeType
        self.messageModel = messageModel
        self.consumeFromWhere = consumeFromWhere
    }

    public init(json: JSONValue) throws(JSONError) {
        let object = try json.requireObject("consumerConnection")
        connections = try object.list("connectionSet")
        subscriptions = try object.table("subscriptionTable") { (value) throws(JSONError) in
            try SubscriptionData(json: value)
        }
        consumeType = try object.choice("consumeType", default: .passively)
        messageModel = try object.choice("messageModel", default: .clustering)
        consumeFromWhere = try object.choice("consumeFromWhere", default: .lastOffset)
    }

    public var json: JSONValue {
        [
            "connectionSet": .list(connections), "consumeFromWhere": JSONValue(consumeFromWhere.rawValue),
            "consumeType": JSONValue(consumeType.rawValue), "messageModel": JSONValue(messageModel.rawValue),
            "subscriptionTable": .table(subscriptions) { $0.json },
        ]
    }
}

/// The members of a producer group: the answer to 204.
public struct ProducerConnection: JSONBody {
    public var connections: [ClientConnection]

    public init(connections: [ClientConnection]) {
        self.connections = connections
    }

    public init(json: JSONValue) throws(JSONError) {
        connections = try json.requireObject("producerConnection").list("connectionSet")
    }

    public var json: JSONValue { ["connectionSet": .list(connections)] }
}

/// The producers of every group: the answer to 328.
public struct ProducerTableInfo: JSONBody {
    public struct Producer: JSONBody, Hashable {
        @ByteText public var clientId: String
        /// As the reference writes it, `/ip:port`.
        @ByteText public var remoteAddress: String
        public var language: LanguageCode
        public var version: Int32
        /// In milliseconds since 1970.
        public var lastUpdateTimestamp: Int64

        public init(
            clientId: String, remoteAddress: String, language: LanguageCode, version: Int32, lastUpdateTimestamp: Int64
        ) {
            self.clientId = clientId
            self.remoteAddress = remoteAddress
            self.language = language
            self.version = version
            self.lastUpdateTimestamp = lastUpdateTimestamp
        }

        public init(json: JSONValue) throws(JSONError) {
            let object = try json.requireObject("producerInfo")
            clientId = try object.string("clientId", default: "")
            remoteAddress = try object.string("remoteIP", default: "")
            language = LanguageCode(json: object["language"])
            version = try object.int32("version", default: 0)
            lastUpdateTimestamp = try object.int64("lastUpdateTimestamp", default: 0)
        }

        public var json: JSONValue {
            [
                "clientId": JSONValue(clientId), "language": JSONValue(language.description),
                "lastUpdateTimestamp": JSONValue(lastUpdateTimestamp), "remoteIP": JSONValue(remoteAddress),
                "version": JSONValue(version),
            ]
        }
    }

    public var groups: [ByteText: [Producer]]

    public init(groups: [ByteText: [Producer]]) {
        self.groups = groups
    }

    public init(json: JSONValue) throws(JSONError) {
        groups = try json.requireObject("producerTableInfo").table("data") { (value) throws(JSONError) in
            var producers: [Producer] = []
            for producer in try value.requireArray("data") { producers.append(try Producer(json: producer)) }
            return producers
        }
    }

    public var json: JSONValue { ["data": .table(groups) { .list($0) }] }
}

extension LanguageCode {
    /// A language by name or number; ``unknown`` for anything else.
    init(json: JSONValue?) {
        switch json {
        case .string(let name)?: self = LanguageCode(name: name) ?? .unknown
        case .integer(let code)?: self = UInt8(exactly: code).map(LanguageCode.init(rawValue:)) ?? .unknown
        default: self = .unknown
        }
    }
}
