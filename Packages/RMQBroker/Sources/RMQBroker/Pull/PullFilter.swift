import RMQFilter
import RMQStore

/// What a pull wants of its queue, as a read of the store asks it.
enum PullFilter: MessageFilter, Sendable {
    /// Tags; a message without a tag code passes.
    case tags(TagFilter)
    /// What an expression says of the properties.
    case expression(ExpressionFilter)
    /// Tags, then what the group's expression for the real topic says: `filterSupportRetry`.
    case retries(TagFilter, RetryFilter)

    static let all = PullFilter.tags(.all)

    /// Every message matches.
    var matchesEverything: Bool {
        switch self {
        case .tags(let filter): filter.matchesEverything
        case .expression, .retries: false
        }
    }

    func matches(entry: FilterEntry) -> Bool {
        switch self {
        case .tags(let filter), .retries(let filter, _): entry.tagCode.map { filter.matches(tagsCode: $0) } ?? true
        case .expression(let filter): filter.mayMatch(entry)
        }
    }

    var readsRecords: Bool {
        switch self {
        case .tags: false
        case .expression, .retries: true
        }
    }

    var recordCost: Int {
        switch self {
        case .tags: 0
        case .expression(let filter): filter.expression.text.utf8.count
        case .retries(_, let filter): filter.cost
        }
    }

    func matches(record: FilterRecord) -> Bool {
        switch self {
        case .tags: true
        case .expression(let filter): filter.expression.matches(record.properties)
        case .retries(_, let filter): filter.matches(record)
        }
    }

    /// Whether a new pull would be filtered in the same way as one that was held with this.
    func isCurrent(in filters: ConsumerFilterTable) -> Bool {
        switch self {
        case .tags: true
        case .expression(let filter): filter.isCurrent(in: filters)
        case .retries(_, let filter): filter.isCurrent(in: filters)
        }
    }
}
