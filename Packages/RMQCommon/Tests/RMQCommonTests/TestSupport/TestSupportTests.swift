import Dispatch
import RMQCommon
import Synchronization
import Testing

@testable import RMQTestSupport

@Suite(.takesTurns) struct TestSupportTests {
    @Test func aWaitEndsWhenItsConditionHolds() async throws {
        var looks = 0
        try await eventually("the third look") {
            looks += 1
            return looks == 3
        }
        #expect(looks == 3)
    }

    @Test func aWaitThatIsOverFailsTheTestAndSaysForWhatItWas() async throws {
        let told = Mutex<[String]>([])
        try await withKnownIssue {
            try await eventually("the moon", within: .milliseconds(5)) { false }
        } matching: { issue in
            told.withLock { $0.append(issue.comments.map(\.rawValue).joined()) }
            return true
        }
        #expect(told.withLock { $0.count } == 1)
        #expect(told.withLock { $0.first?.contains("for: the moon") } == true)
    }

    @Test func aWaitWithoutTimeLooksOnce() async throws {
        var looks = 0
        try await eventually("the first look", within: .zero) {
            looks += 1
            return looks == 1
        }
        #expect(looks == 1)
    }

    @Test func missingAndEmptyGoldenDataAreErrors() throws {
        #expect(throws: GoldenData.Failure.self) { try GoldenData.path("no-such-file") }
        #expect(throws: GoldenData.Failure.self) { try GoldenData.bytes("no-such-file.jsonl") }
        #expect(throws: GoldenData.Failure.self) { try GoldenData.names(in: "no-such-folder") }
        #expect(try GoldenData.lines("frames.jsonl").count == 670)
    }

    @Test func aTemporaryFolderGoesWithItsLastReference() throws {
        var folder: TemporaryFolder? = try TemporaryFolder()
        let path = try #require(folder?.path)
        try SmallFile.replace(path + "/inner/file", with: "x")
        #expect(FileSystem.isDirectory(path))
        folder = nil
        #expect(!FileSystem.exists(path))
    }

    @Test func aTemporaryFolderGoesWhenItsTestFails() async throws {
        struct Failed: Error {}
        let path = Mutex("")
        await #expect(throws: Failed.self) {
            try await withTemporaryFolder { folder async throws in
                path.withLock { $0 = folder }
                try await eventually("the folder") { FileSystem.isDirectory(folder) }
                throw Failed()
            }
        }
        #expect(path.withLock { !$0.isEmpty && !FileSystem.exists($0) })
    }

    @Test func reservedPortsDiffer() throws {
        let first = try ReservedPort(), second = try ReservedPort()
        #expect(first.number != 0)
        #expect(first.number != second.number)
    }

    @Test func oneSeedGivesTheSameNumbers() {
        var first = SeededRandom(seed: 7), second = SeededRandom(seed: 7), other = SeededRandom(seed: 8)
        let numbers = (0..<4).map { _ in first.next() }
        #expect(numbers == (0..<4).map { _ in second.next() })
        #expect(numbers != (0..<4).map { _ in other.next() })
    }

    @Test func aHandClockMovesWhenTold() {
        let hand = HandClock(1000), began = hand.now
        hand.advance(.seconds(2))
        #expect(hand.clocks.wall.now() == 3000)
        #expect(hand.clocks.monotonic.now() - began == .seconds(2))
        hand.step(.seconds(-3))
        #expect(hand.clocks.wall.now() == 0)
        #expect(hand.clocks.monotonic.now() - began == .seconds(2), "a step of the wall clock is no time that passes")
    }

    @Test func turnsAreTakenInOrderAndNeverTooMany() async {
        let turns = TurnTable(places: 3)
        final class Taken: Sendable { let places = Mutex((now: 0, most: 0)) }
        let taken = Taken()
        await withTaskGroup { group in
            for number in 0..<60 {
                group.addTask {
                    let share = number % 10 == 0 ? 3 : 1
                    await turns.take(share)
                    taken.places.withLock { $0 = ($0.now + share, max($0.most, $0.now + share)) }
                    await Task.yield()
                    taken.places.withLock { $0.now -= share }
                    turns.giveBack(share)
                }
            }
        }
        #expect(taken.places.withLock { $0.most } == 3)
        #expect(taken.places.withLock { $0.now } == 0)
    }

    /// More tests than there are threads for tasks block until a task has run.
    @Test(arguments: 0..<8) func aTestMayBlock(_ number: Int) {
        let done = DispatchSemaphore(value: 0)
        Task { done.signal() }
        #expect(done.wait(timeout: .now() + 60) == .success)
    }
}
