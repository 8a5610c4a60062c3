public import RMQCommon
import Synchronization

/// One question to a web server: a GET over a connection of its own.
///
///     connect ──► GET <path> HTTP/1.1 ──► status, header, body ──► close
///
/// For small answers such as a list of addresses: no redirects, no encryption, nothing kept open.
public struct HTTPGet: Sendable {
    /// What a server answered.
    public struct Response: Sendable, Equatable {
        /// 200 when all is well.
        public var status: Int
        /// As it was before it was cut into chunks.
        public var body: [UInt8]

        public init(status: Int, body: [UInt8]) {
            self.status = status
            self.body = body
        }
    }

    /// Largest answer, header included, in bytes: ample for a list of addresses, and nothing to a machine's memory.
    public static let responseByteLimit = 64 * 1024

    /// `host:port` of the server.
    public let address: String
    private let head: [UInt8]

    /// - Parameters:
    ///   - address: `host:port`.
    ///   - path: from the first slash on. Path and headers are written as they are: they must not have line ends.
    ///   - headers: besides `Host` and `Connection`.
    public init(address: String, path: String, headers: [(name: String, value: String)] = []) {
        self.address = address
        let lines = ["GET \(path) HTTP/1.1", "Host: \(address)", "Connection: close"] + headers.map { "\($0.name): \($0.value)" }
        head = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }

    /// Asks, and waits for the answer; at most for `timeout`, and no longer than until the task is cancelled.
    public func response(within timeout: Duration, on loop: EventLoop, logger: Logger) async -> Result<Response, RemotingError> {
        let outcome = HTTPOutcome()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                outcome.wait(continuation)
                loop.post(PostedHTTPGet(request: self, outcome: outcome, timeout: timeout, logger: logger))
            }
        } onCancel: {
            outcome.finish(.failure(.cancelled))
        }
    }

    fileprivate func write(to channel: Channel) { channel.write(head) }
}

/// The one end of an exchange, whichever comes first.
private final class HTTPOutcome: Sendable {
    typealias Value = Result<HTTPGet.Response, RemotingError>
    private struct State {
        var value: Value?
        var continuation: CheckedContinuation<Value, Never>?
    }
    private let state = Mutex(State())

    var isFinished: Bool { state.withLock { $0.value != nil } }

    func wait(_ continuation: CheckedContinuation<Value, Never>) {
        let value = state.withLock { state in
            if state.value == nil { state.continuation = continuation }
            return state.value
        }
        if let value { continuation.resume(returning: value) }
    }

    func finish(_ value: Value) {
        let continuation = state.withLock { state -> CheckedContinuation<Value, Never>? in
            guard state.value == nil else { return nil }
            state.value = value
            defer { state.continuation = nil }
            return state.continuation
        }
        continuation?.resume(returning: value)
    }
}

/// A question on its way to the loop that asks it.
private struct PostedHTTPGet: LoopMessage {
    let request: HTTPGet
    let outcome: HTTPOutcome
    let timeout: Duration
    let logger: Logger

    func deliver(on loop: EventLoop) { HTTPGetExchange(request, outcome: outcome, loop: loop).start(within: timeout, logger: logger) }
    func drop() { outcome.finish(.failure(.closed)) }
}

/// One exchange on its loop's thread: connects, writes, reads until the answer is whole or the time is over.
private final class HTTPGetExchange: ChannelProtocol, StopObserver {
    private let request: HTTPGet
    private let outcome: HTTPOutcome
    private let loop: EventLoop
    private var connector: ChannelConnector?
    private var channel: Channel?
    /// What has come so far: the end of the connection may be the end of the answer.
    private var received: [UInt8] = []

    init(_ request: HTTPGet, outcome: HTTPOutcome, loop: EventLoop) {
        self.request = request
        self.outcome = outcome
        self.loop = loop
    }

    func start(within timeout: Duration, logger: Logger) {
        let limits = ChannelLimits(
            idleTimeout: timeout, inputLimitBytes: HTTPGet.responseByteLimit, outputHighWaterBytes: HTTPGet.responseByteLimit,
            outputLimitBytes: HTTPGet.responseByteLimit)
        let connector = ChannelConnector(request.address, timeout: timeout, limits: limits, loop: loop, logger: logger)
        self.connector = connector
        loop.add(self)
        loop.scheduleLocally(after: timeout) { [weak self, request] in
            self?.end(.failure(.connectFailed(address: request.address, reason: "no answer within \(timeout)")))
        }
        connector.connect(ended: { [weak self] in self?.connected($0) })
    }

    private func connected(_ result: Result<Channel, RemotingError>) {
        switch result {
        case .success(let channel):
            self.channel = channel
            channel.start(self)
            request.write(to: channel)
        case .failure(let error): end(.failure(error))
        }
    }

    func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard !outcome.isFinished else {
            // Who waited was cancelled.
            end(.failure(.cancelled))
            return bytes.count
        }
        received.append(contentsOf: bytes)
        read(isEnded: false)
        return bytes.count
    }

    func channelClosed() {
        read(isEnded: true)
        end(.failure(.connectionClosed(address: request.address)))
    }

    private func read(isEnded: Bool) {
        guard !outcome.isFinished else { return }
        guard received.count <= HTTPGet.responseByteLimit else {
            return end(.failure(.frameTooLarge(bytes: received.count, limit: HTTPGet.responseByteLimit)))
        }
        switch HTTPResponseText.read(received, isEnded: isEnded) {
        case .whole(let response): end(.success(response))
        case .unreadable: end(.failure(.connectFailed(address: request.address, reason: "it does not answer in HTTP")))
        case .incomplete: break
        }
    }

    func loopStopped() { end(.failure(.closed)) }

    private func end(_ value: Result<HTTPGet.Response, RemotingError>) {
        outcome.finish(value)
        loop.remove(self)   // until here the loop holds the exchange
        connector?.cancel()
        channel?.close()
        channel = nil
    }
}
