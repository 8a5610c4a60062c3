import Glibc
@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Testing

/// Many requests in one packet: their messages are stored together at the end of the wake-up, and nobody may notice.
@Suite(.takesTurns) struct PipelinedSendTests {
    /// A socket that writes all frames at once.
    final class Pipe {
        private let descriptor: Int32

        init(port: UInt16) throws {
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var limit = timeval(tv_sec: Int(Duration.generous.components.seconds), tv_usec: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            let connected = withUnsafeBytes(of: &address) {
                connect(descriptor, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(MemoryLayout<sockaddr_in>.size))
            }
            try #require(connected == 0)
        }

        deinit { close(descriptor) }

        func send(_ frames: [[UInt8]]) {
            let bytes = Array(frames.joined())
            var sent = 0
            while sent < bytes.count {
                let count = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL)) }
                guard count > 0 else { return }
                sent += count
            }
        }

        private func receive(_ count: Int) throws -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: count)
            var got = 0
            while got < count {
                let received = bytes.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress! + got, count - got, 0) }
                try #require(received > 0, "the broker answers")
                got += received
            }
            return bytes
        }

        func answers(_ count: Int) throws -> [Int32: RemotingCommand] {
            var answers: [Int32: RemotingCommand] = [:]
            for _ in 0..<count {
                let length = try receive(4).reduce(0) { $0 << 8 | Int($1) }
                let answer = try RemotingCommand.decode(frame: try receive(length))
                answers[answer.opaque] = answer
            }
            return answers
        }
    }

    func frame(_ opaque: Int32, _ topic: String, _ body: [UInt8], properties: String = "", oneway: Bool = false, changing fields: [String: String] = [:]) -> [UInt8] {
        var command = RemotingCommand(code: RequestCode.sendMessageV2.rawValue)
        command.opaque = opaque
        command.isOneway = oneway
        var header = HeaderFields()
        for (name, value) in Peer.sendFields(topic, properties: properties).merging(fields, uniquingKeysWith: { $1 }) { header[name] = value }
        command.fields = header
        command.body = body
        return command.encoded()
    }

    func batchBody(_ bodies: [[UInt8]]) -> [UInt8] {
        var writer = ByteWriter(capacity: 64)
        for body in bodies {
            for number in [Int32(22 + body.count), 0, 0, 0, Int32(body.count)] { writer.write(number) }
            writer.write(bytes: body)
            writer.write(Int16(0))
        }
        return writer.bytes
    }

    @Test(arguments: [false, true]) func eachIsAnsweredAndAllKeepTheirOrder(synchronous: Bool) async throws {
        try await withPeer({ if synchronous { $0.store.flush = .synchronous } }) { peer in
            _ = try await peer.createTopic("Order")
            let pipe = try Pipe(port: peer.broker.port)
            var frames: [[UInt8]] = []
            for number in 0..<200 {
                let body = Array("\(number)".utf8)
                let frame =
                    switch number {
                    case 50: frame(50, "Order", batchBody([Array("50".utf8), Array("50b".utf8)]), changing: ["m": "true"])
                    case 60: frame(60, "Order", body, changing: ["e": "9"])
                    case 70: frame(70, "Order", body, oneway: true)
                    case 80: frame(80, "Order", body, properties: "DELAY\u{1}18")
                    case 90: frame(90, "Order", [UInt8](repeating: 0x39, count: 5 << 20))
                    case 100: frame(100, "Order", [UInt8](repeating: 0x61, count: 2 << 20))
                    default: frame(Int32(number), "Order", body)
                    }
                frames.append(frame)
            }
            pipe.send(frames)
            let answers = try pipe.answers(199)
            #expect(answers[60]?.responseCode == .systemError)
            #expect(answers[90]?.responseCode == .messageIllegal)
            #expect(answers[70] == nil)
            #expect(answers[80]?.responseCode == .success)
            let expected = (0..<200).filter { ![60, 80, 90].contains($0) }
            var offset: Int64 = 0
            for number in expected {
                if let answer = answers[Int32(number)] {
                    #expect(answer.responseCode == .success, "send \(number)")
                    #expect(answer.fields?["queueOffset"] == "\(offset)", "send \(number)")
                }
                offset += number == 50 ? 2 : 1
            }
            var texts: [String] = []
            while texts.count < Int(offset) {
                let messages = try await peer.pull("Order", from: Int64(texts.count)).messages
                try #require(!messages.isEmpty)
                texts += messages.map { $0.body.count > 100 ? "long" : $0.text }
            }
            #expect(texts == expected.flatMap { $0 == 50 ? ["50", "50b"] : [$0 == 100 ? "long" : "\($0)"] })
        }
    }

    /// The pull is held, or its message is found: in whichever order the two are handled.
    @Test func aPullBehindASendInOnePacketGetsTheMessage() async throws {
        try await withPeer { peer in
            _ = try await peer.createTopic("Both")
            _ = try await peer.heartbeat("c", subscriptions: [])
            let pipe = try Pipe(port: peer.broker.port)
            for round in 0..<50 {
                var pull = RemotingCommand(code: RequestCode.pullMessage.rawValue)
                pull.opaque = 2
                pull.fields = [
                    "consumerGroup": "g", "topic": "Both", "queueId": "0", "queueOffset": "\(round)", "maxMsgNums": "32", "sysFlag": "6",
                    "commitOffset": "0", "suspendTimeoutMillis": "60000", "subscription": "*", "subVersion": "0", "expressionType": "TAG",
                ]
                let send = frame(1, "Both", Array("\(round)".utf8), oneway: round % 3 == 0)
                pipe.send(round % 2 == 0 ? [send, pull.encoded()] : [pull.encoded(), send])
                let answers = try pipe.answers(round % 3 == 0 ? 1 : 2)
                #expect(answers[2]?.responseCode == .success)
                #expect(answers[2].map { try? $0.messages.map(\.text) } == ["\(round)"])
            }
        }
    }

    @Test func whatAClosedConnectionSentIsStored() async throws {
        try await withPeer { peer in
            _ = try await peer.createTopic("Left")
            do {
                let pipe = try Pipe(port: peer.broker.port)
                pipe.send((0..<100).map { frame(Int32($0), "Left", Array("\($0)".utf8)) })
            }
            try await eventually("all are stored") { peer.broker.state.store.maxOffset(topic: "Left", queueId: 0) == 100 }
        }
    }
}
