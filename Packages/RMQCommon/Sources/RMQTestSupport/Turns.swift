internal import Dispatch
internal import Foundation
internal import Synchronization
public import Testing

/// Lets only a few tests run at once, across all suites, each on a thread where it may block.
///
/// Swift Testing starts all tests at once. Hundreds of brokers, clients and disks then share two processors, and time-outs end
/// what would have gone well. Every suite takes turns:
///
///     @Suite(.takesTurns) struct PullTests { … }
///
/// A test that measures how long something takes has the process to itself, beside one that goes round with others:
///
///     @Test(.runsAlone) func aSyncTakesNoLongerThanTheDisk() { … }
///
/// A test that does not end ends the process, so that its name is told: a thread that waits for ever cannot be stopped from outside.
/// A time limit of Swift Testing does not do here: it counts the time that a test waits for its turn.
public struct Turn: SuiteTrait, TestTrait, TestScoping {
    fileprivate let isAlone: Bool
    /// A suite's trait is that of each of its tests.
    public var isRecursive: Bool { true }

    /// Far more than any test takes under a sanitizer on a crowded machine; a campaign (Tools/fuzz) has a millisecond more for each of its cases.
    private static let secondsUntilHung =
        900.0 + (ProcessInfo.processInfo.environment["RMQ_FUZZ_CASES"].flatMap { Double($0) } ?? 0) / 1_000

    /// Set while a test has its turn: the traits of a suite and of its test meet in one test, and one turn is enough.
    @TaskLocal private static var isTaken = false

    /// Waits for the turn, and runs `body` on a thread of its own.
    public func provideScope(for test: Test, testCase: Test.Case?, performing body: @Sendable () async throws -> Void) async throws {
        guard !Self.isTaken else { return try await body() }
        let runsAlone = test.traits.contains { ($0 as? Turn)?.isAlone == true }
        let share = runsAlone ? TurnTable.shared.places : 1
        await TurnTable.shared.take(share)
        defer { TurnTable.shared.giveBack(share) }
        let alarm = DispatchWorkItem { fatalError("\(test.name) of \(test.sourceLocation) has not ended after \(Self.secondsUntilHung) s") }
        DispatchQueue.global().asyncAfter(deadline: .now() + Self.secondsUntilHung, execute: alarm)
        defer { alarm.cancel() }
        try await Self.$isTaken.withValue(true) {
            try await withTaskExecutorPreference(TestThreads.shared) { try await body() }
        }
    }
}

extension Trait where Self == Turn {
    /// A few such tests run at once, each on a thread where it may block.
    public static var takesTurns: Turn { Turn(isAlone: false) }
    /// No other test that takes turns runs meanwhile.
    public static var runsAlone: Turn { Turn(isAlone: true) }
}

/// Places for tests that run at once; a test that finds too few waits, first come, first served.
final class TurnTable: Sendable {
    static let shared = TurnTable(places: 2 * ProcessInfo.processInfo.activeProcessorCount)

    private struct State {
        var free: Int
        var waiting: [(share: Int, go: CheckedContinuation<Void, Never>)] = []
    }

    let places: Int
    private let state: Mutex<State>

    init(places: Int) {
        self.places = places
        state = Mutex(State(free: places))
    }

    /// - Parameter share: how many places; at most all of them.
    func take(_ share: Int) async {
        await withCheckedContinuation { go in
            state.withLock { $0.waiting.append((share, go)) }
            seatWaiting()
        }
    }

    func giveBack(_ share: Int) {
        state.withLock { $0.free += share }
        seatWaiting()
    }

    private func seatWaiting() {
        let seated = state.withLock { state in
            var seated: [CheckedContinuation<Void, Never>] = []
            while let first = state.waiting.first, first.share <= state.free {
                state.free -= first.share
                seated.append(state.waiting.removeFirst().go)
            }
            return seated
        }
        for go in seated { go.resume() }
    }
}
