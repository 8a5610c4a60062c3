import RMQCommon

/// What came of one thread's share.
struct LoadResult: Sendable {
    /// Messages sent or read.
    var completed = 0
    var failed = 0
    var firstFailure: String?
    /// Sends that were due before the end and did not go out, since too many were in flight.
    var unsent = 0
    /// Bytes of stored messages read.
    var bytes = 0
    /// From request to answer, in nanoseconds; at a rate, from when the request was due.
    var latency = Histogram()

    mutating func merge(_ other: LoadResult) {
        completed += other.completed
        failed += other.failed
        firstFailure = firstFailure ?? other.firstFailure
        unsent += other.unsent
        bytes += other.bytes
        latency.merge(other.latency)
    }
}
