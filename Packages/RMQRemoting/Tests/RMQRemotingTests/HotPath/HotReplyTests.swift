import RMQCommon
import RMQTestSupport
import Testing

@testable import RMQRemoting

@Suite(.takesTurns) struct HotReplyTests {
    /// Answers sends and pulls through the hot writers.
    final class HotHandler: RequestHandler {
        let trailer = SendReplyTrailer()
        let chunks: [Memory]
        init(_ chunks: [Memory]) { self.chunks = chunks }

        func receive(_ request: InboundFrame, on connection: Connection) {
            if request.code == 11 {
                connection.replyPull(
                    PullReply(code: .success, remark: "FOUND", nextBeginOffset: 22, minOffset: 0, maxOffset: 1 << 40),
                    to: request.ticket, bodyCount: chunks.reduce(0) { $0 + $1.bytes.count }
                ) { body in
                    for chunk in chunks { body.append(UnsafeRawBufferPointer(chunk.bytes), keeping: chunk) }
                }
            } else if request.code == 320 {
                let ids = Array("AB,CD".utf8)
                ids.withUnsafeBytes {
                    connection.replySend(to: request.ticket, messageId: .text($0), queueId: 0, queueOffset: 9, trailer: trailer)
                }
            } else if request.code == 10 {
                connection.replySend(
                    to: request.ticket, messageId: .batch(ipv4AndPort: 0x7F00_0001_0000_51AF, physicalOffset: 0x7627, byteCounts: [0x10, 0x100, 9]),
                    queueId: 0, queueOffset: 9, trailer: trailer)
            } else {
                connection.replySend(
                    to: request.ticket, messageId: .stored(ipv4AndPort: 0x7F00_0001_0000_51AF, physicalOffset: 0x7627),
                    queueId: 1, queueOffset: 10, trailer: trailer)
            }
        }
    }

    final class Memory: Sendable {
        nonisolated(unsafe) let bytes: UnsafeMutableRawBufferPointer
        let released: SharedCount
        init(_ count: Int, filledWith byte: UInt8, _ released: SharedCount) {
            bytes = .allocate(byteCount: count, alignment: 8)
            bytes.initializeMemory(as: UInt8.self, repeating: byte)
            self.released = released
        }
        deinit {
            bytes.deallocate()
            released.add(1)
        }
    }

    private func chunks(_ sizes: [Int], _ released: SharedCount) -> [Memory] {
        sizes.enumerated().map { index, size in Memory(size, filledWith: UInt8(truncatingIfNeeded: index + 1), released) }
    }

    @Test(arguments: HeaderSerialization.allCases)
    func sendRepliesAreThoseOfTheReference(serialization: HeaderSerialization) throws {
        let loopback = try Loopback { _ in HotHandler([]) }
        defer { loopback.stop() }
        let socket = try RawSocket(port: loopback.server.port)
        socket.send(RemotingCommand(code: 310, opaque: 846, serialization: serialization).encoded())
        let expected: [UInt8]
        switch serialization {
        case .json:
            let header = #"{"code":0,"extFields":{"queueId":"1","TRACE_ON":"true","MSG_REGION":"DefaultRegion","msgId":"7F000001000051AF0000000000007627","queueOffset":"10"},"flag":1,"language":"OTHER","opaque":846,"serializeTypeCurrentRPC":"JSON","version":409}"#
            expected = [0, 0, 0, UInt8(header.utf8.count + 4), 0, 0, 0, UInt8(header.utf8.count)] + header.utf8
        case .rocketmq:
            // As recorded, but for the language and the correlation number.
            let hex = "00000094010000900000070199"
                + "0000034E" + "00000001" + "00000000" + "0000007B"
                + "00056D7367496400000020" + Hex.text("7F000001000051AF0000000000007627".utf8)
                + "0007717565756549640000000131" + "000B71756575654F6666736574000000023130"
                + "000854524143455F4F4E0000000474727565" + "000A4D53475F524547494F4E0000000D" + Hex.text("DefaultRegion".utf8)
            expected = try #require(Hex.bytes(hex))
        }
        #expect(socket.receive(expected.count) == expected)

        socket.send(RemotingCommand(code: 320, opaque: 2, serialization: serialization).encoded())
        let batch = try #require(try socket.receiveCommand())
        #expect(batch.fields?["msgId"] == "AB,CD")
        #expect(batch.opaque == 2)

        socket.send(RemotingCommand(code: 10, opaque: 3, serialization: serialization).encoded())
        let ids = try #require(try socket.receiveCommand()?.fields?["msgId"])
        #expect(ids == "7F000001000051AF0000000000007627,7F000001000051AF0000000000007637,7F000001000051AF0000000000007737")
    }

    @Test(arguments: HeaderSerialization.allCases)
    func pullRepliesCarryTheirChunks(serialization: HeaderSerialization) throws {
        let released = SharedCount()
        let sizes = [10, 5000, 3000, 100, 200_000, 1]
        let loopback = try Loopback { [self] _ in HotHandler(chunks(sizes, released)) }
        defer { loopback.stop() }
        let socket = try RawSocket(port: loopback.server.port)
        let expected = sizes.enumerated().flatMap { [UInt8](repeating: UInt8($0 + 1), count: $1) }
        // Several in one write, and more chunks than one system call takes.
        var requests: [UInt8] = []
        for number in 0..<40 { requests += RemotingCommand(code: 11, opaque: Int32(number), serialization: serialization).encoded() }
        socket.send(requests)
        for number in 0..<40 {
            let answer = try #require(try socket.receiveCommand())
            #expect(answer.opaque == Int32(number))
            #expect(answer.serialization == serialization)
            #expect(answer.remark == "FOUND")
            #expect(answer.fields == ["suggestWhichBrokerId": "0", "nextBeginOffset": "22", "minOffset": "0", "maxOffset": "1099511627776"])
            #expect(answer.body == expected)
        }
    }

    @Test func chunksAreReleasedWhenTheReaderGoesAway() async throws {
        let released = SharedCount()
        final class Once: RequestHandler {
            let released: SharedCount
            init(_ released: SharedCount) { self.released = released }
            func receive(_ request: InboundFrame, on connection: Connection) {
                let memory = Memory(30_000_000, filledWith: 1, released)
                connection.replyPull(
                    PullReply(code: .success, remark: "FOUND", nextBeginOffset: 1, minOffset: 0, maxOffset: 1), to: request.ticket,
                    bodyCount: memory.bytes.count
                ) { $0.append(UnsafeRawBufferPointer(memory.bytes), keeping: memory) }
            }
        }
        let loopback = try Loopback { _ in Once(released) }
        defer { loopback.stop() }
        do {
            let socket = try RawSocket(port: loopback.server.port, receiveBuffer: 8192)
            socket.send(RemotingCommand(code: 11).encoded())
            #expect(socket.receive(1000).count == 1000)
            #expect(released.value == 0)
        }
        try await eventually("the release of the body") { released.value == 1 }
    }
}
