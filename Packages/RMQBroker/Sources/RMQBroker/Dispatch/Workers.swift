import RMQCommon

/// The threads for what may block, by what it is for, so that one kind of work never waits for another.
final class Workers: Service {
    /// Pulls that wait for the disk, some 4 MB; a disk that is behind by more than that will not catch up with their patience.
    static let readersLimit = 4_096
    /// Threads of each pool for others: a few slow requests must not stop the rest, and a disk is not faster for more.
    static let threadLimit = 4
    /// Requests of administrators that wait: tools ask one after another.
    static let administratorsLimit = 256
    /// Work of the broker's own that waits. Each kind is never twice in the queue, so this is never reached.
    static let backgroundLimit = 64
    /// A round through the half messages and a reading of what has ended; neither is ever twice in the queue.
    static let transactionsLimit = 4

    /// Read what pulls want from the disk. A disk is not faster for more at once.
    let readers = WorkerPool(name: "read", threadLimit: threadLimit, queueLimit: readersLimit)
    /// Answer the requests of administrators and tools: each may read many files.
    let administrators = WorkerPool(name: "admin", threadLimit: threadLimit, queueLimit: administratorsLimit)
    /// Does what the broker does by itself: writes tables, takes samples.
    let background = WorkerPool(name: "background", threadLimit: 2, queueLimit: backgroundLimit)

    /// Looks through the half messages of transactions, and may wait for the loops meanwhile. One thing at a time.
    let transactions = WorkerPool(name: "transactions", threadLimit: 1, queueLimit: transactionsLimit)

    /// Threads are made when they are needed.
    func start() {}

    /// Lets no further work begin, and waits for what has begun.
    func stop() {
        administrators.stop()
        readers.stop()
        transactions.stop()
        background.stop()
    }
}
