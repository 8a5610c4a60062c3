import RMQCommon
import RMQRemoting

/// `mqbench handshakes`: connections that only shake hands, one after the other on each thread.
enum HandshakeBench {
    static func run(_ options: inout BenchOptions) async throws {
        let address = try options.address() ?? HostAddress(ipv4: (127, 0, 0, 1), port: 10_911)
        let threads = try options.number("threads", default: 2, in: 1...64)
        let extent = try options.extent()
        try options.checkAllUsed()
        let tls = try BenchOptions.anyServer()
        let done = Counter()
        let live = Task { await RateLine(what: "handshakes", counter: done).run() }
        defer { live.cancel() }
        let start = nanosecondsNow()
        let result = try await withThrowingTaskGroup(of: LoadResult.self) { group in
            for thread in 0..<threads {
                let share = extent.messages.map { $0 / threads + (thread < $0 % threads ? 1 : 0) }
                group.addTask {
                    try await BenchThread.run { () throws(BenchError) in try load(address, tls, share, extent.duration, done) }
                }
            }
            return try await group.reduce(into: LoadResult()) { $0.merge($1) }
        }
        Report.write(
            what: "handshakes", count: result.completed, failed: 0, firstFailure: nil, nanoseconds: nanosecondsNow() - start, latency: result.latency,
            latencyOf: "connect to the end of the handshake")
    }

    private static func load(
        _ address: HostAddress, _ tls: TLSClient, _ most: Int?, _ duration: Duration?, _ done: Counter
    ) throws(BenchError) -> LoadResult {
        var result = LoadResult()
        let end = duration.map { nanosecondsNow() &+ $0.nanoseconds } ?? .max
        while result.completed < most ?? .max {
            let start = nanosecondsNow()
            if start >= end { break }
            _ = try LoadSocket(connectingTo: address, tls: tls)
            result.latency.record(nanosecondsNow() - start)
            result.completed += 1
            done.add(1)
        }
        return result
    }
}
