import RMQCommon
import RMQTestSupport
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
        try await withWebServer(WebServer.response(404, "none")) { web, loop in
            let request = HTTPGet(address: web.address, path: "/a?b=c", headers: [("X-One", "1")])
            let response = try await request.response(within: .generous, on: loop, logger: .silent).get()
            #expect(response == HTTPGet.Response(status: 404, body: Array("none".utf8)))
            #expect(web.asked.hasBytePrefix("GET /a?b=c HTTP/1.1\r\nHost: \(web.address)\r\n"))
            #expect(web.asked.hasByteSuffix("X-One: 1\r\n\r\n"))
        }
    }

    @Test func nobodyAnswers() async throws {
        let nobody = try ReservedPort()
        let loops = EventLoopGroup(count: 1, name: "http")
        defer { loops.stop() }
        let refused = await HTTPGet(address: nobody.address, path: "/").response(within: .generous, on: loops.next(), logger: .silent)
        guard case .failure(.connectFailed) = refused else { Issue.record("\(refused)"); return }
        try await withWebServer(nil) { web, loop in
            let late = await HTTPGet(address: web.address, path: "/").response(within: .milliseconds(50), on: loop, logger: .silent)
            guard case .failure = late else { Issue.record("\(late)"); return }
            // A cancelled task does not wait, and neither does one whose loop has stopped.
            let asking = Task { await HTTPGet(address: web.address, path: "/2").response(within: .generous, on: loop, logger: .silent) }
            try await eventually("it has asked") { web.asked.containsBytes(of: "/2") }
            asking.cancel()
            #expect(await asking.value == .failure(.cancelled))
        }
        loops.stop()
        #expect(await HTTPGet(address: nobody.address, path: "/").response(within: .generous, on: loops.next(), logger: .silent) == .failure(.closed))
    }

    private func withWebServer(_ answer: String?, _ body: (WebServer, EventLoop) async throws -> Void) async throws {
        let loops = EventLoopGroup(count: 1, name: "http")
        defer { loops.stop() }
        try await WebServer.run(answer) { try await body($0, loops.next()) }
    }
}
