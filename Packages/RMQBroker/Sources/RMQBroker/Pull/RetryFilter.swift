import RMQCommon
import RMQFilter
import RMQStore

/// Decides about messages of a retry topic by what the group wants of the topic that they come from. Those of topics without an
/// expression match.
final class RetryFilter: Sendable {
    private let group: String
    private let expressions: [ByteText: SQLExpression]
    /// Of the longest expression.
    let cost: Int

    init(group: String, _ filters: ConsumerFilterTable) {
        self.group = group
        expressions = Self.expressions(of: group, filters)
        cost = expressions.values.reduce(0) { max($0, $1.text.utf8.count) }
    }

    private static func expressions(of group: String, _ filters: ConsumerFilterTable) -> [ByteText: SQLExpression] {
        Dictionary(filters.filters(of: group).map { (ByteText($0.topic), $0.expression) }) { $1 }
    }

    func matches(_ record: FilterRecord) -> Bool {
        guard !expressions.isEmpty, let topic = record.value(of: "RETRY_TOPIC"), let expression = expressions[String(decoding: topic, as: UTF8.self)]
        else { return true }
        return expression.matches(record.properties)
    }

    func isCurrent(in filters: ConsumerFilterTable) -> Bool {
        let now = Self.expressions(of: group, filters)
        return now.count == expressions.count && now.allSatisfy { expressions[$0.key] === $0.value }
    }
}
