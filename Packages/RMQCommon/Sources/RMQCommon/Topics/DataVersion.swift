/// The version of a table that others keep copies of. Two tables are the same when both numbers are.
public struct DataVersion: JSONBody, Hashable {
    /// Milliseconds since 1970 of the last change.
    public var timestamp: Int64
    /// Goes up by one with each change.
    public var counter: Int64

    public init(timestamp: Int64, counter: Int64 = 0) {
        self.timestamp = timestamp
        self.counter = counter
    }

    /// A first version, of now.
    public init(clock: WallClock) { self.init(timestamp: clock.now()) }

    /// The version after one more change.
    /// - Parameter now: milliseconds since 1970.
    public mutating func advance(now: Int64) {
        timestamp = now
        counter &+= 1
    }

    /// A version without a time counts as just made, as at the reference.
    public init() { self.init(clock: .system) }

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("counter", &counter)
        try members.optional("timestamp", &timestamp)
    }
}
