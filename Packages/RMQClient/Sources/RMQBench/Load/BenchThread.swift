import CRMQSystem
import Glibc

/// A thread of its own for a load that must not share one with anything else.
final class BenchThread<Result: Sendable>: @unchecked Sendable {
    // `outcome` is written by the thread before it ends and read after `join`, which orders the two.
    private var outcome: Swift.Result<Result, BenchError>?
    private let work: @Sendable () throws(BenchError) -> Result
    private var handle = pthread_t()

    init(_ work: @escaping @Sendable () throws(BenchError) -> Result) throws(BenchError) {
        self.work = work
        let code = pthread_create(&handle, nil, { raw in
            let thread = Unmanaged<AnyObject>.fromOpaque(raw!).takeRetainedValue()
            (thread as? any Runnable)?.run()
            return nil
        }, Unmanaged<AnyObject>.passRetained(self).toOpaque())
        guard code == 0 else { throw BenchError("no thread: \(LoadSocket.reason(code))") }
    }

    /// Waits for its end; to be called once.
    func join() throws(BenchError) -> Result {
        pthread_join(handle, nil)
        return try outcome!.get()
    }
}

private protocol Runnable: AnyObject {
    func run()
}

extension BenchThread: Runnable {
    fileprivate func run() {
        _ = crmq_set_thread_name("mqbench-load")
        do {
            outcome = .success(try work())
        } catch {
            outcome = .failure(error)
        }
    }
}
