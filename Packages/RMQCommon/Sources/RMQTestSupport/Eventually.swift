internal import RMQCommon
public import Testing

extension Duration {
    /// A time-out that only a fault reaches: for waits and requests whose speed is not what the test is about.
    ///
    /// On a crowded machine any thread may stand still for seconds, and a tighter limit would then fail a sound program.
    public static let generous = Duration.seconds(60)
}

/// Waits until `condition` holds, looking again every few milliseconds.
///
/// Fails the test, at the place of the call, when it does not hold in time, with what was waited for and for how long. The last
/// look is after the deadline, so a waiting task that was itself held up for long does not fail.
///
/// - Parameters:
///   - what: what will be so when the wait ends, for the message: "the guest has a share".
///   - limit: how long at most.
/// - Throws: what `condition` threw, `CancellationError`, or the failed expectation, which ends the test.
public func eventually(
    _ what: String, within limit: Duration = .generous, sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let start = MonotonicInstant.now
    var pause = Duration.milliseconds(1)
    while true {
        let isLastLook = MonotonicInstant.now - start >= limit
        if try await condition() { return }
        if isLastLook { break }
        try await Task.sleep(for: pause)
        pause = min(pause * 2, .milliseconds(16))
    }
    let happened = false
    try #require(happened, "waited \(MonotonicInstant.now - start) for: \(what)", sourceLocation: sourceLocation)
}
