import Synchronization

/// Damaged queue entries for which no record was found nearby: a search looks at up to 64 MiB of the log, and every group that
/// passes the entry would search again.
final class FailedSearches: Sendable {
    private struct Place: Hashable {
        let queue: ConsumeQueue
        let offset: Int64

        static func == (left: Place, right: Place) -> Bool { left.queue === right.queue && left.offset == right.offset }
        func hash(into hasher: inout Hasher) {
            hasher.combine(ObjectIdentifier(queue))
            hasher.combine(offset)
        }
    }

    /// With more, all are searched for again: a disk that loses so much has other troubles.
    private static let limit = 65_536
    private let places = Mutex<Set<Place>>([])

    func contains(_ queue: ConsumeQueue, _ offset: Int64) -> Bool {
        places.withLock { $0.contains(Place(queue: queue, offset: offset)) }
    }

    func insert(_ queue: ConsumeQueue, _ offset: Int64) {
        places.withLock { places in
            if places.count >= Self.limit { places = [] }
            places.insert(Place(queue: queue, offset: offset))
        }
    }
}
