@testable import RMQBroker
import RMQCommon
import RMQStore
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct PendingWritesTests {
    typealias Writes = PendingWrites<String>

    func progress(_ flushed: Int64, _ replicated: Int64 = .max, failed: Bool = false) -> Writes.Progress {
        Writes.Progress(flushedOffset: flushed, replicatedOffset: replicated, hasFailed: failed)
    }

    func texts(_ released: [(message: String, status: AppendStatus)]) -> [String] { released.map { "\($0.message) \($0.status)" } }

    @Test func oneSyncAnswersAllThatCameBeforeIt() {
        var writes = Writes(limit: 10)
        for (end, name) in [(100, "a"), (200, "b"), (300, "c")] as [(Int64, String)] {
            writes.add(name, Writes.Needs(end: end, since: .at(0), flushDeadline: .at(1_000)))
        }
        var released = writes.release(progress(99), now: .at(0))
        #expect(released.isEmpty)
        released = writes.release(progress(200), now: .at(0))
        #expect(texts(released) == ["a ok", "b ok"])
        #expect(writes.nextDeadline(after: .at(0)) == .at(1_000))
        released = writes.release(progress(200), now: .at(1_000))
        #expect(texts(released) == ["c flushDiskTimeout"])
        #expect(writes.isEmpty)
        #expect(writes.nextDeadline(after: .at(0)) == nil)
    }

    @Test func replicasAreWaitedForToo() {
        var writes = Writes(limit: 10)
        writes.add("both", Writes.Needs(end: 100, since: .at(0), flushDeadline: .at(500), replicaDeadline: .at(300)))
        writes.add("alone", Writes.Needs(end: 200, since: .at(0), flushDeadline: .at(500), lacksReplicas: true))
        #expect(writes.nextDeadline(after: .at(0)) == .at(300))
        var released = writes.release(progress(100, 99), now: .at(0))
        #expect(released.isEmpty)
        released = writes.release(progress(100, 100), now: .at(0))
        #expect(texts(released) == ["both ok"])
        released = writes.release(progress(200, 100), now: .at(0))
        #expect(texts(released) == ["alone replicaNotAvailable"])
        writes.add("late", Writes.Needs(end: 300, since: .at(0), flushDeadline: .at(500), replicaDeadline: .at(300)))
        released = writes.release(progress(200, 100), now: .at(300))
        #expect(released.isEmpty, "the disk still has time")
        #expect(writes.nextDeadline(after: .at(300)) == .at(500), "a deadline that is over is none to wait for")
        released = writes.release(progress(200, 100), now: .at(500))
        #expect(texts(released) == ["late flushReplicaTimeout"], "the replica outweighs the disk")
    }

    @Test func afterAFailedSyncNothingIsConfirmed() {
        var writes = Writes(limit: 2)
        writes.add("safe", Writes.Needs(end: 100, since: .at(0), flushDeadline: .at(500)))
        writes.add("lost", Writes.Needs(end: 200, since: .at(0), flushDeadline: .at(500)))
        #expect(writes.isFull)
        let released = writes.release(progress(100, failed: true), now: .at(0))
        #expect(texts(released) == ["safe ok", "lost serviceNotAvailable"])
    }
}
