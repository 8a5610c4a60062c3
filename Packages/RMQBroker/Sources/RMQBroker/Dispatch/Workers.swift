import RMQCommon

/// The threads for what may block, by what it is for, so that one kind of work never waits for another.
final class Workers: Service {
    /// Most requests of administrators that wait.
    static let administratorsLimit = 256

    /// Read what pulls want from the disk. A disk is not faster for more at once.
    let readers = WorkerPool(name: "read", threadLimit: 4, queueLimit: 4_096)
    /// Answer the requests of administrators and tools: each may read many files.
    let administrators = WorkerPool(name: "admin", threadLimit: 4, queueLimit: administratorsLimit)
    /// Does what the broker does by itself: writes tables, takes samples.
    let background = WorkerPool(name: "background", threadLimit: 2, queueLimit: 64)

    /// Threads are made when they are needed.
    func start() {}

    /// Lets no further work begin, and waits for what has begun.
    func stop() {
        administrators.stop()
        readers.stop()
        background.stop()
    }
}
