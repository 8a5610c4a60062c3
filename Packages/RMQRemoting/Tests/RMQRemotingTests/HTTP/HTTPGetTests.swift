import RMQCommon
import RMQTestSupport
import Synchronization
import Testing

@testable import RMQRemoting

/// Questions to a web server: what is asked, what is made of the answer, and that each ends.
@Suite(.takesTurns) struct HTTPGetTests {
    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd", "abc"), ("HTTP/1.0 200 OK\r\n\r\nabcd", "abcd"),
        ("HTTP/1.1 200 OK\ncontent-length: 0\n\n", ""),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", "abc0123456789"),
    ])
    func answersOfEveryForm(text: String, body: String) {
        #expect(HTTPResponseText.read(Array(text.utf8), isEnded: true) == .whole(.init(status: 200, body: Array(body.utf8))))
    }

    /// Every way to cut an answer is incomplete, or unreadable once nothing more comes.
    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
    ])
    func anAnswerThatIsCut(text: String) {
        let bytes = Array(text.utf8)
        for count in 0..<bytes.count - 2 {
            #expect(HTTPResponseText.read(Array(bytes[..<count]), isEnded: false) == .incomplete, "\(count) bytes")
            #expect(HTTPResponseText.read(Array(bytes[..<count]), isEnded: true) == .unreadable, "\(count) bytes")
        }
    }

    @Test(arguments: ["SSH-2.0-x\r\n\r\n", "HTTP/1.1\r\n\r\n", "HTTP/1.1 ok\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\nabc\r\n0\r\n\r\n",
    ])
    func whatIsNoAnswer(text: String) {
        #expect(HTTPResponseText.read(Array(text.utf8), isEnded: true) == .unreadable)
    }

    @Test func anExchange() async throws {
        try await withWebServer("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone") { address, loop, asked in
            let request = HTTPGet(address: address, path: "/a?b=c", headers: [("X-One", "1")])
            let response = try await request.response(within: .generous, on: loop, logger: .silent).get()
            #expect(response == HTTPGet.Response(status: 404, body: Array("none".utf8)))
            #expect(asked.text.hasBytePrefix("GET /a?b=c HTTP/1.1\r\nHost: \(address)\r\n"))
            #expect(asked.text.hasByteSuffix("X-One: 1\r\n\r\n"))
        }
    }

    @Test func nobodyAnswers() async throws {
        let nobody = try ReservedPort()
        let loops = EventLoopGroup(count: 1, name: "http")
        defer { loops.stop() }
        let refused = await HTTPGet(address: nobody.address, path: "/").response(within: .generous, on: loops.next(), logger: .silent)
        guard case .failure(.connectFailed) = refused else { Issue.record("\(refused)"); return }
        try await withWebServer(nil) { address, loop, asked in
            let late = await HTTPGet(address: address, path: "/").response(within: .milliseconds(50), on: loop, logger: .silent)
            guard case .failure = late else { Issue.record("\(late)"); return }
            // A cancelled task does not wait, and neither does one whose loop has stopped.
            let asking = Task { await HTTPGet(address: address, path: "/2").response(within: .generous, on: loop, logger: .silent) }
            try await eventually("it has asked") { asked.text.containsBytes(of: "/2") }
            asking.cancel()
            #expect(await asking.value == .failure(.cancelled))
        }
        loops.stop()
        #expect(await HTTPGet(address: nobody.address, path: "/").response(within: .generous, on: loops.next(), logger: .silent) == .failure(.closed))
    }

    /// A server that answers every request with one text; nil answers nothing.
    private func withWebServer(_ answer: String?, _ body: (String, EventLoop, Asked) async throws -> Void) async throws {
        let loops = EventLoopGroup(count: 1, name: "web")
        defer { loops.stop() }
        let asked = Asked()
        let server = ChannelServer(
            listenAddress: "127.0.0.1", port: 0, maxConnections: 10, limits: ServerConfiguration().limits, loops: loops, logger: .silent
        ) { _ in WebService(answer, asked) }
        try server.start()
        try await body("127.0.0.1:\(server.port)", loops.next(), asked)
        server.stop()
    }
}

/// What a server was asked.
private final class Asked: Sendable {
    private let bytes = Mutex<[UInt8]>([])
    func add(_ more: [UInt8]) { bytes.withLock { $0 += more } }
    var text: String { String(decoding: bytes.withLock { $0 }, as: UTF8.self) }
}

private final class WebService: ChannelService {
    let answer: String?
    let asked: Asked

    init(_ answer: String?, _ asked: Asked) {
        self.answer = answer
        self.asked = asked
    }

    func makeProtocol(for channel: Channel) -> any ChannelProtocol { WebProtocol(channel, self) }
}

private final class WebProtocol: ChannelProtocol {
    private unowned let channel: Channel
    private let service: WebService

    init(_ channel: Channel, _ service: WebService) {
        self.channel = channel
        self.service = service
    }

    func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
        service.asked.add(Array(bytes))
        if let answer = service.answer, bytes.suffix(4).elementsEqual("\r\n\r\n".utf8) { channel.write(Array(answer.utf8)) }
        return bytes.count
    }

    func channelClosed() {}
}
