import CRMQSystem
import Glibc

/// A thread of its own for a load that must not share one with anything else.
enum BenchThread {
    /// Runs `work` on a new thread and waits for it; no other thread is blocked meanwhile.
    static func run<Result: Sendable>(
        _ work: @escaping @Sendable () throws(BenchError) -> Result
    ) async throws(BenchError) -> Result {
        let outcome: Swift.Result<Result, BenchError> = await withCheckedContinuation { continuation in
            let code = start {
                do throws(BenchError) {
                    continuation.resume(returning: .success(try work()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
            if code != 0 { continuation.resume(returning: .failure(BenchError("no thread: \(LoadSocket.reason(code))"))) }
        }
        return try outcome.get()
    }

    private final class Start {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// - Returns: an errno, or 0 when the thread runs.
    private static func start(_ body: @escaping @Sendable () -> Void) -> Int32 {
        let context = Unmanaged.passRetained(Start(body))
        var thread = pthread_t()
        let code = pthread_create(&thread, nil, { raw in
            guard let raw else { return nil }
            _ = crmq_set_thread_name("mqbench-load")
            Unmanaged<Start>.fromOpaque(raw).takeRetainedValue().body()
            return nil
        }, context.toOpaque())
        if code == 0 { pthread_detach(thread) } else { context.release() }
        return code
    }
}
