import RMQCommon
import RMQFilter

/// consumerFilter.json: the filters of a broker, in the reference's form.
///
///     {"filterDataByTopic":{"T":{"groupFilterData":{"g":{…}},"topic":"T"}}}      … is a StoredFilter
///
/// Times are in milliseconds since 1970.
struct ConsumerFilterFile: JSONBody {
    var topics: [ByteText: StoredFilters] = [:]

    mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("filterDataByTopic", &topics)
    }
}

/// The filters of one topic, by group.
struct StoredFilters: JSONBody {
    var groups: [ByteText: StoredFilter] = [:]
    @ByteText var topic = ""

    mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("groupFilterData", &groups)
        try members.optional("topic", &topic)
    }
}

/// One filter.
struct StoredFilter: JSONBody {
    var bits: StoredBits?
    var bornAt: Int64 = 0
    var version: Int64 = 0
    @ByteText var group = ""
    /// Follows from the times; written, and not looked at.
    var isDead = false
    /// 0 while its group is there.
    var diedAt: Int64 = 0
    @ByteText var expression = ""
    @ByteText var expressionType = ""
    @ByteText var topic = ""

    mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("bloomFilterData", &bits)
        try members.optional("bornTime", &bornAt)
        try members.optional("clientVersion", &version)
        try members.optional("consumerGroup", &group)
        try members.optional("dead", &isDead)
        try members.optional("deadTime", &diedAt)
        try members.optional("expression", &expression)
        try members.optional("expressionType", &expressionType)
        try members.optional("topic", &topic)
    }
}

/// Which bits of a bit map are a filter's, and how many there are.
struct StoredBits: JSONBody {
    var bitCount: Int32 = 0
    var positions: [Int32] = []

    mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("bitNum", &bitCount)
        try members.optional("bitPos", &positions)
    }
}

extension ConsumerFilterFile {
    init(_ filters: [ConsumerFilter], bitCount: Int) {
        for filter in filters {
            topics[filter.topic, default: StoredFilters { $0.topic = filter.topic }].groups[filter.group] = StoredFilter(filter, bitCount: bitCount)
        }
    }

    /// Reads the filters of a file, each by itself. An entry is the filter of its keys, whatever names stand in it.
    /// - Returns: nil when bits are laid out otherwise than in `bloom`: as at the reference, the whole file counts for nothing then.
    static func filters(of file: JSONObject, bloom: BloomFilter, _ report: inout EntryReport) throws(JSONError) -> [ConsumerFilter]? {
        var filters: [ConsumerFilter] = []
        for (topicKey, topic) in try file["filterDataByTopic"]?.requireObject("filterDataByTopic").members ?? [] where !topic.isNull {
            let topicName = topicKey.asString ?? topicKey.text()
            let groups = report.read(topicName, topic) { (topic) throws(JSONError) in
                try topic.requireObject(topicName)["groupFilterData"]?.requireObject("groupFilterData").members ?? []
            }
            for (groupKey, value) in groups ?? [] where !value.isNull {
                let group = groupKey.asString ?? groupKey.text()
                let name = ConsumerFilter.name(group: group, topic: topicName)
                guard let stored = report.read(name, value, { (value) throws(JSONError) in try StoredFilter(json: value) }) else { continue }
                guard let bits = stored.bits, bits.fit(bloom) else { return nil }
                guard stored.expressionType.isExactly(ConsumerFilter.type) else {
                    report.leaveOut(name, value, because: "expressionType is \(ConsumerFilter.type)")
                    continue
                }
                do throws(SQLExpressionError) {
                    filters.append(try ConsumerFilter(stored, bits.positions, topic: topicName, group: group))
                } catch {
                    report.leaveOut(name, value, because: "its expression cannot be used: \(error)")
                }
            }
        }
        return filters
    }
}

extension StoredBits {
    func fit(_ bloom: BloomFilter) -> Bool {
        Int(bitCount) == bloom.bitCount && positions.count == bloom.hashCount && positions.allSatisfy { $0 >= 0 && $0 < bitCount }
    }
}

extension StoredFilter {
    init(_ filter: ConsumerFilter, bitCount: Int) {
        bits = StoredBits {
            $0.bitCount = Int32(bitCount)
            $0.positions = filter.positions
        }
        bornAt = filter.bornAt
        version = filter.version
        group = filter.group
        isDead = filter.isDead
        diedAt = filter.diedAt
        expression = filter.expression.text
        expressionType = ConsumerFilter.type
        topic = filter.topic
    }
}

extension ConsumerFilter {
    fileprivate init(_ stored: StoredFilter, _ positions: [Int32], topic: String, group: String) throws(SQLExpressionError) {
        self.init(
            topic: topic, group: group, expression: try SQLExpression(stored.expression), version: stored.version, bornAt: stored.bornAt,
            diedAt: stored.diedAt, positions: positions)
    }
}

extension ConsumerFilterTable {
    /// Reads what an earlier run kept in a folder; nothing is changed when there is no such file.
    func load(from path: String, logger: Logger) throws(BrokerError) {
        do {
            var isOtherwise = false
            let filters = try TableFile.load(path, logger: logger) { (file, report) -> [ConsumerFilter]? in
                let filters = try ConsumerFilterFile.filters(of: file, bloom: bloom, &report)
                isOtherwise = filters == nil
                return filters
            }
            if isOtherwise {
                logger.warning("\(path) counts for nothing: its bits are laid out otherwise than expectConsumerNumUseFilter and maxErrorRateOfBloomFilter say now")
            }
            if let filters = filters ?? nil { load(filters) }
        } catch {
            throw .unreadableTable(path: path, reason: "\(error)")
        }
    }
}
