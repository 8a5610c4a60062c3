import RMQFilter
import RMQStore

/// What a pull wants of its queue, as a read of the store asks it.
enum PullFilter: MessageFilter {
    /// Tags; a message without a tag code passes.
    case tags(TagFilter)

    static let all = PullFilter.tags(.all)

    /// Every message matches.
    var matchesEverything: Bool {
        switch self {
        case .tags(let filter): filter.matchesEverything
        }
    }

    func matches(entry: FilterEntry) -> Bool {
        switch self {
        case .tags(let filter): entry.tagCode.map { filter.matches(tagsCode: $0) } ?? true
        }
    }
}
