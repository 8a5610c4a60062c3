import RMQCommon

/// Our own requests on one connection that wait for their answers, by correlation number.
///
/// A value without clock or socket: the connection adds and removes, and asks at ``nextCheck`` what expired. One timer serves all
/// requests of a connection.
struct RequestExchange {
    /// Two checks are at least this far apart, so that many short deadlines do not become a scan each.
    static let checkPause: Duration = .milliseconds(10)

    private var waiting: [Int32: OutboundRequest] = [:]
    /// When to call ``expire(now:)``.
    private(set) var nextCheck: MonotonicInstant?

    /// True when ``nextCheck`` became earlier.
    mutating func add(_ request: OutboundRequest) -> Bool {
        waiting[request.opaque] = request
        if let nextCheck, nextCheck <= request.deadline { return false }
        nextCheck = request.deadline
        return true
    }

    mutating func remove(_ opaque: Int32) -> OutboundRequest? { waiting.removeValue(forKey: opaque) }

    mutating func removeAll() -> [OutboundRequest] {
        defer { waiting = [:] }
        return Array(waiting.values)
    }

    /// Fails what is overdue. True when ``nextCheck`` names a new time.
    mutating func expire(now: MonotonicInstant) -> Bool {
        guard let check = nextCheck, check <= now else { return false }
        var earliest = MonotonicInstant.distantFuture
        var overdue: [OutboundRequest] = []
        for request in waiting.values {
            if request.deadline <= now { overdue.append(request) } else { earliest = min(earliest, request.deadline) }
        }
        for request in overdue { waiting[request.opaque] = nil }
        nextCheck = waiting.isEmpty ? nil : max(earliest, now + Self.checkPause)
        for request in overdue { request.complete(.failure(request.timedOut)) }
        return nextCheck != nil
    }
}
