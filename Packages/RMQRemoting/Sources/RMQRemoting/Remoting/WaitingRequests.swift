import RMQCommon

/// Requests of one address that wait for its connection, in the order in which they came.
///
/// A value without clock or socket, like ``RequestExchange``: the endpoint adds, takes all, and asks at ``nextCheck`` what expired.
struct WaitingRequests {
    private var requests: [OutboundRequest] = []
    /// Bytes of their frames.
    private(set) var byteCount = 0
    /// When to call ``expire(now:)``.
    private(set) var nextCheck: MonotonicInstant?

    var isEmpty: Bool { requests.isEmpty }

    /// True when ``nextCheck`` became earlier.
    mutating func add(_ request: OutboundRequest) -> Bool {
        requests.append(request)
        byteCount += request.frame.count
        if let nextCheck, nextCheck <= request.deadline { return false }
        nextCheck = request.deadline
        return true
    }

    mutating func takeAll() -> [OutboundRequest] {
        defer { self = WaitingRequests() }
        return requests
    }

    /// Fails what is overdue. True when ``nextCheck`` names a new time.
    mutating func expire(now: MonotonicInstant) -> Bool {
        guard let check = nextCheck, check <= now else { return false }
        let all = takeAll()
        for request in all where request.deadline > now { _ = add(request) }
        if let earliest = nextCheck { nextCheck = max(earliest, now + RequestExchange.checkPause) }
        for request in all where request.deadline <= now { request.complete(.failure(request.timedOut)) }
        return nextCheck != nil
    }
}
