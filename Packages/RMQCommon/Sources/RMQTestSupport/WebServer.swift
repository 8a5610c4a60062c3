internal import Foundation
internal import RMQCommon
internal import Synchronization

/// A web server that answers every request as it is told, over plain sockets and on a thread of its own, so that no code under test has a
/// part in it.
///
/// A request ends with an empty line. What follows in the same connection is the next one.
public final class WebServer: Sendable {
    private struct State {
        var answer: String?
        var asked = ""
        var isAnswered = false
    }

    private let state: Mutex<State>
    private let port: ReservedPort
    private let isStopped = Atomic(false)
    private let ended = Latch()
    /// How often the thread looks whether it is to stop.
    private static let pauseMilliseconds: Int32 = 5
    private static let backlog: Int32 = 16
    /// Longest request.
    private static let mostBytes = 64 << 10

    private init(_ answer: String?) throws {
        port = try ReservedPort()
        state = Mutex(State(answer: answer))
        try port.listen(backlog: Self.backlog)
        Thread.detachNewThread { [self] in serve() }
    }

    /// Runs `body` with a server of its own, and stops it whatever happens.
    /// - Parameter answer: all that is sent back for a request, from the status line on; nil sends nothing and lets the asker wait.
    public static func run<Result>(_ answer: String? = nil, _ body: (WebServer) async throws -> Result) async throws -> Result {
        let server = try WebServer(answer)
        defer {
            server.isStopped.store(true, ordering: .releasing)
            server.ended.wait(for: .generous)
        }
        return try await body(server)
    }

    /// `127.0.0.1:port`.
    public var address: String { port.address }

    /// What is sent back from now on.
    public var answer: String? {
        get { state.withLock { $0.answer } }
        set {
            state.withLock {
                $0.answer = newValue
                $0.isAnswered = false
            }
        }
    }

    /// The last request, as far as it has come.
    public var asked: String { state.withLock { $0.asked } }

    /// Whether it has given the answer that it was last told.
    public var isAnswered: Bool { state.withLock { $0.isAnswered } }

    /// An answer with a length.
    public static func response(_ status: Int, _ body: String) -> String {
        "HTTP/1.1 \(status) x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    // MARK: The thread

    private func serve() {
        var connections: [(socket: Int32, bytes: [UInt8])] = []
        while !isStopped.load(ordering: .acquiring) {
            var events = ([port.rawSocket] + connections.map(\.socket)).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&events, nfds_t(events.count), Self.pauseMilliseconds) > 0 else { continue }
            for index in connections.indices.reversed() where events[index + 1].revents != 0 {
                if !receive(&connections[index]) { close(connections.remove(at: index).socket) }
            }
            if events[0].revents != 0 {
                let accepted = accept(port.rawSocket, nil, nil)
                if accepted >= 0 { connections.append((accepted, [])) }
            }
        }
        for connection in connections { close(connection.socket) }
        ended.open()
    }

    /// - Returns: false when the connection is to be closed.
    private func receive(_ connection: inout (socket: Int32, bytes: [UInt8])) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = recv(connection.socket, &bytes, bytes.count, 0)
        guard count > 0, connection.bytes.count + count <= Self.mostBytes else { return false }
        connection.bytes += bytes[..<count]
        let isWhole = connection.bytes.suffix(4).elementsEqual("\r\n\r\n".utf8)
        let answer = state.withLock { state -> String? in
            state.asked = String(decoding: connection.bytes, as: UTF8.self)
            if isWhole, state.answer != nil { state.isAnswered = true }
            return isWhole ? state.answer : nil
        }
        if isWhole { connection.bytes = [] }
        guard let answer else { return true }
        return send(connection.socket, answer, answer.utf8.count, Int32(MSG_NOSIGNAL)) == answer.utf8.count
    }
}
