public import RMQCommon

/// From where on in the log a broker was the master of its set.
public struct BrokerEpoch: JSONBody, Equatable {
    /// Counts the masters, from 1 on.
    public var epoch: Int64 = 0
    /// Where the log ended when it became one.
    public var startOffset: Int64 = 0
    /// Where the next epoch begins, or the log ends. 0 in the file of a broker, where the next entry says it.
    public var endOffset: Int64 = 0
    /// Of the broker; empty in the answers of RocketMQ 5, which do not say it.
    @ByteText public var brokerAddress = ""

    public init() {}
    public init(epoch: Int64, startOffset: Int64, brokerAddress: String) {
        self.epoch = epoch
        self.startOffset = startOffset
        self.brokerAddress = brokerAddress
    }

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("brokerAddr", &brokerAddress)
        try members.optional("endOffset", &endOffset)
        try members.optional("epoch", &epoch)
        try members.optional("startOffset", &startOffset)
    }
}

/// The masters that a log has had: the answer to 1007.
public struct BrokerEpochs: JSONBody {
    @ByteText public var clusterName = ""
    @ByteText public var brokerName = ""
    public var brokerId: Int64 = 0
    /// The oldest first.
    public var epochs: [BrokerEpoch] = []
    /// Where the log ends.
    public var maxOffset: Int64 = 0

    public init() {}

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("brokerId", &brokerId)
        try members.optional("brokerName", &brokerName)
        try members.optional("clusterName", &clusterName)
        try members.optional("epochList", &epochs)
        try members.optional("maxOffset", &maxOffset)
    }
}
