/// The version of a table that others keep copies of. Two tables are the same when both numbers are.
public struct DataVersion: Hashable, Sendable {
    /// Milliseconds since 1970 of the last change.
    public var timestamp: Int64
    /// Goes up by one with each change.
    public var counter: Int64

    public init(timestamp: Int64, counter: Int64 = 0) {
        self.timestamp = timestamp
        self.counter = counter
    }

    /// A first version, of now.
    public init(clock: WallClock = .system) { self.init(timestamp: clock.now()) }

    /// The version after one more change.
    /// - Parameter now: milliseconds since 1970.
    public mutating func advance(now: Int64) {
        timestamp = now
        counter &+= 1
    }

    /// A version without a time counts as just made, as at the reference.
    public init(json: JSONValue) throws(JSONError) {
        let object = try json.requireObject("dataVersion")
        timestamp = try object.int64("timestamp", default: WallClock.nowMilliseconds())
        counter = try object.int64("counter", default: 0)
    }

    /// The object that ``init(json:)`` reads.
    public var json: JSONValue { ["counter": .integer(counter), "timestamp": .integer(timestamp)] }
}
