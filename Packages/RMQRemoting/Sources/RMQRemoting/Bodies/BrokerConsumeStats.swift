public import RMQCommon

/// How far all groups of a broker are: the answer to 317.
public struct BrokerConsumeStats: JSONBody {
    /// The broker that tells it.
    @ByteText public var brokerAddress = ""
    /// One table a group, with one entry a topic.
    public var groupTables: [[ByteText: [ConsumeStats]]] = []
    /// Messages that all groups have still to consume.
    public var totalDifference: Int64 = 0

    public init() {}

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("brokerAddr", &brokerAddress)
        try members.optional("consumeStatsList", &groupTables)
        try members.optional("totalDiff", &totalDifference)
    }

    /// By the name of the group; a group that has consumed nothing has no queue.
    public var groups: [ByteText: [ConsumeStats]] {
        Dictionary(groupTables.flatMap { table in table.map { ($0.key, $0.value) } }) { $0 + $1 }
    }
}
