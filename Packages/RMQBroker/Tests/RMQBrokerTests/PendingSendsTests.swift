@testable import RMQBroker
import RMQCommon
import RMQStore
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct PendingSendsTests {
    typealias Sends = PendingSends<String>

    func progress(_ flushed: Int64, _ replicated: Int64 = .max, failed: Bool = false) -> Sends.Progress {
        Sends.Progress(flushedOffset: flushed, replicatedOffset: replicated, hasFailed: failed)
    }

    func texts(_ released: [(reply: String, status: AppendStatus)]) -> [String] { released.map { "\($0.reply) \($0.status)" } }

    @Test func oneSyncAnswersAllThatCameBeforeIt() {
        var sends = Sends(limit: 10)
        for (end, name) in [(100, "a"), (200, "b"), (300, "c")] as [(Int64, String)] {
            sends.add(name, Sends.Promise(end: end, flushDeadline: .at(1_000)))
        }
        var released = sends.release(progress(99), now: .at(0))
        #expect(released.isEmpty)
        released = sends.release(progress(200), now: .at(0))
        #expect(texts(released) == ["a ok", "b ok"])
        #expect(sends.nextDeadline == .at(1_000))
        released = sends.release(progress(200), now: .at(1_000))
        #expect(texts(released) == ["c flushDiskTimeout"])
        #expect(sends.isEmpty && sends.nextDeadline == nil)
    }

    @Test func replicasAreWaitedForToo() {
        var sends = Sends(limit: 10)
        sends.add("both", Sends.Promise(end: 100, flushDeadline: .at(500), replicaDeadline: .at(300)))
        sends.add("alone", Sends.Promise(end: 200, flushDeadline: .at(500), lacksReplicas: true))
        #expect(sends.nextDeadline == .at(300))
        var released = sends.release(progress(100, 99), now: .at(0))
        #expect(released.isEmpty)
        released = sends.release(progress(100, 100), now: .at(0))
        #expect(texts(released) == ["both ok"])
        released = sends.release(progress(200, 100), now: .at(0))
        #expect(texts(released) == ["alone replicaNotAvailable"])
        sends.add("late", Sends.Promise(end: 300, flushDeadline: .at(500), replicaDeadline: .at(300)))
        released = sends.release(progress(200, 100), now: .at(300))
        #expect(released.isEmpty, "the disk still has time")
        released = sends.release(progress(200, 100), now: .at(500))
        #expect(texts(released) == ["late flushReplicaTimeout"], "the replica outweighs the disk")
    }

    @Test func afterAFailedSyncNothingIsConfirmed() {
        var sends = Sends(limit: 2)
        sends.add("safe", Sends.Promise(end: 100, flushDeadline: .at(500)))
        sends.add("lost", Sends.Promise(end: 200, flushDeadline: .at(500)))
        #expect(sends.isFull)
        let released = sends.release(progress(100, failed: true), now: .at(0))
        #expect(texts(released) == ["safe ok", "lost serviceNotAvailable"])
    }
}
