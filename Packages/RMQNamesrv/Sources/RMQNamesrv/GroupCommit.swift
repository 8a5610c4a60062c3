import RMQCommon
import RMQRemoting
import Synchronization

/// A value that is kept in a file and changed by commands.
protocol CommittedValue: Sendable {
    associatedtype Change: Sendable

    /// Makes the change, or throws and stays as it is.
    /// - Returns: what the log says of it once it is on disk.
    mutating func apply(change: Change) throws -> [String]

    var fileContent: [UInt8] { get }
}

/// A ``CommittedValue`` of a running server, its file, and the changes that wait for the disk.
///
///     submit ─► waiting ─► on the thread that changes files: apply each, write once ─► visible, answered
///
/// One write serves every change that came while the one before it ran: it takes 6 to 93 ms, and one peer can ask for thousands of
/// changes in that time. Changes are applied in the order in which they came. Readers see them once they are on disk.
///
/// Each lock is a leaf, and neither is held while the file is written.
final class GroupCommit<Value: CommittedValue>: Sendable {
    /// Hears nil once the change is on disk, otherwise why it is not made.
    typealias Completion = @Sendable ((any Error)?) -> Void

    private struct Submission {
        let number: UInt64
        let change: Value.Change
        let completion: Completion
    }

    private struct Waiting {
        var submissions: [Submission] = []
        var lastNumber: UInt64 = 0
    }

    private let value: Mutex<Value>
    private let waiting = Mutex(Waiting())
    private let path: String
    private let files: WorkerPool
    private let logger: Logger

    /// - Parameter files: a pool of one thread. Its bounds are those of what waits here.
    init(_ value: Value, path: String, files: WorkerPool, logger: Logger) {
        self.value = Mutex(value)
        self.path = path
        self.files = files
        self.logger = logger
    }

    /// A snapshot; it does not change under the reader.
    var current: Value { value.withLock { $0 } }

    /// Takes what the file held, at the start.
    func load(_ loaded: Value) { value.withLock { $0 = loaded } }

    /// Has `change` made soon, together with all others that wait. What was taken is made even when the pool stops, as it finishes.
    /// - Parameters:
    ///   - byteCount: the memory that the request takes while it waits.
    ///   - completion: is called once: on the pool's thread, or at once when too much waits.
    func submit(_ change: Value.Change, holding byteCount: Int, completion: @escaping Completion) {
        let number = waiting.withLock { waiting in
            waiting.lastNumber += 1
            waiting.submissions.append(Submission(number: waiting.lastNumber, change: change, completion: completion))
            return waiting.lastNumber
        }
        // One piece of work for each change, although the first of them serves all: so the pool counts what waits, in number and bytes.
        guard !files.run(holding: byteCount, { self.commit() }), withdraw(number) else { return }
        completion(Refusal.overloaded(files))
    }

    /// - Returns: false when a commit has taken the change meanwhile, which then owes its answer.
    private func withdraw(_ number: UInt64) -> Bool {
        waiting.withLock { waiting in
            guard let index = waiting.submissions.lastIndex(where: { $0.number == number }) else { return false }
            waiting.submissions.remove(at: index)
            return true
        }
    }

    /// Applies what waits now and writes the file once. A refused change is answered and leaves no trace in the others.
    private func commit() {
        let submissions = waiting.withLock { waiting in
            defer { waiting.submissions = [] }
            return waiting.submissions
        }
        var draft = current
        var accepted: [(submission: Submission, logLines: [String])] = []
        for submission in submissions {
            do {
                accepted.append((submission, try draft.apply(change: submission.change)))
            } catch {
                submission.completion(error)
            }
        }
        guard !accepted.isEmpty else { return }
        do {
            try SmallFile.replace(path, with: draft.fileContent)
        } catch {
            for (submission, _) in accepted { submission.completion(error) }
            return
        }
        value.withLock { $0 = draft }
        for (submission, logLines) in accepted {
            for line in logLines { logger.info(line) }
            submission.completion(nil)
        }
    }
}
