import RMQCommon

/// Who waits for what, by the number of the request: a hash table with open addressing.
///
/// A value without clock or lock. A dictionary does the same three times as slowly, and each send enters and leaves it.
struct WaiterTable {
    struct Waiter {
        let number: Int32
        let deadline: MonotonicInstant
        let request: PendingRequest
        var isSend: Bool { Outbox.Kind(number) == .send }

        init(_ request: PendingRequest) {
            number = request.number
            deadline = request.deadline
            self.request = request
        }
    }

    /// Places that a table has at least; an empty one that grew beyond is given back.
    private static let leastPlaces = 64
    /// An empty table of more places than this is given back: thousands of sends at once need no more.
    private static let mostKeptPlaces = 16_384

    private var places: [Waiter?]
    private(set) var count = 0
    /// How many of them are sends.
    private(set) var sendCount = 0
    /// Right shift that leaves as many bits as number the places.
    private var shift: UInt32

    init() {
        places = Array(repeating: nil, count: Self.leastPlaces)
        shift = UInt32(32 - Self.leastPlaces.trailingZeroBitCount)
    }

    var isEmpty: Bool { count == 0 }

    /// Enters a request. False when one with its number is there, which stays.
    mutating func insert(_ request: PendingRequest) -> Bool { insert(Waiter(request)) }

    private mutating func insert(_ waiter: Waiter) -> Bool {
        if count >= places.count / 2 { resize(2 * places.count) }
        var place = home(waiter.number)
        while let other = places[place] {
            if other.number == waiter.number { return false }
            place = next(place)
        }
        places[place] = waiter
        count += 1
        if waiter.isSend { sendCount += 1 }
        return true
    }

    func contains(_ number: Int32) -> Bool {
        var place = home(number)
        while let waiter = places[place] {
            if waiter.number == number { return true }
            place = next(place)
        }
        return false
    }

    mutating func remove(_ number: Int32) -> PendingRequest? {
        var hole = home(number)
        while let waiter = places[hole], waiter.number != number { hole = next(hole) }
        guard let removed = places[hole] else { return nil }
        count -= 1
        if removed.isSend { sendCount -= 1 }
        // What follows without a gap moves up, unless its home lies behind the hole: so a search may end at the first free place.
        var place = next(hole)
        while let waiter = places[place] {
            if distance(home(waiter.number), place) >= distance(hole, place) {
                places[hole] = waiter
                hole = place
            }
            place = next(place)
        }
        places[hole] = nil
        if count == 0, places.count > Self.mostKeptPlaces { self = WaiterTable() }
        return removed.request
    }

    mutating func removeAll() -> [PendingRequest] {
        defer { self = WaiterTable() }
        return places.compactMap { $0?.request }
    }

    /// Takes out those whose time is up, and says when it is up for the next one.
    mutating func removeOverdue(_ now: MonotonicInstant) -> (overdue: [PendingRequest], earliest: MonotonicInstant?) {
        var overdue: [PendingRequest] = []
        var earliest: MonotonicInstant?
        for case let waiter? in places {
            if waiter.deadline <= now { overdue.append(waiter.request) } else { earliest = min(earliest ?? .distantFuture, waiter.deadline) }
        }
        for request in overdue { _ = remove(request.number) }
        return (overdue, earliest)
    }

    private mutating func resize(_ newCount: Int) {
        let old = places
        places = Array(repeating: nil, count: newCount)
        shift = UInt32(32 - newCount.trailingZeroBitCount)
        (count, sendCount) = (0, 0)
        for case let waiter? in old { _ = insert(waiter) }
    }

    /// Numbers follow each other; the multiplication spreads them, so that there are gaps everywhere.
    @inline(__always)
    private func home(_ number: Int32) -> Int { Int((UInt32(bitPattern: number) &* 0x9E37_79B9) >> shift) }

    @inline(__always)
    private func next(_ place: Int) -> Int { (place + 1) & (places.count - 1) }

    @inline(__always)
    private func distance(_ from: Int, _ to: Int) -> Int { (to - from) & (places.count - 1) }
}
