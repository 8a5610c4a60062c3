import Glibc
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// Transports from outside of the module, as TLS will be: what is imported here is what is public.
@Suite(.takesTurns) struct ChosenTransportTests {
    /// Turns every byte round on its way.
    private final class Inverting: Transport {
        private let plain = PlainTransport()

        func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> TransportRead {
            let result = plain.read(descriptor, into: buffer)
            if case .bytes(let count, _) = result {
                for index in 0..<count { buffer[index] = ~buffer[index] }
            }
            return result
        }

        func write(_ descriptor: Int32, _ parts: UnsafeBufferPointer<iovec>) -> TransportWrite {
            let inverted = UnsafeRawBufferPointer(start: parts[0].iov_base, count: parts[0].iov_len).map { ~$0 }
            return inverted.withUnsafeBytes { bytes in
                let part = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
                return withUnsafePointer(to: part) { plain.write(descriptor, UnsafeBufferPointer(start: $0, count: 1)) }
            }
        }

        func shutdown(_ descriptor: Int32) { plain.shutdown(descriptor) }
    }

    @Test func aServerSpeaksThroughTheTransportOfItsConfiguration() throws {
        let group = EventLoopGroup(count: 1, name: "chosen")
        defer { group.stop() }
        let server = RemotingServer(configuration: ServerConfiguration(makeTransport: { Inverting() }), loops: group, logger: .silent) { _ in
            EchoHandler()
        }
        try server.start()
        defer { server.stop() }
        let socket = try RawSocket(port: server.port)
        socket.send(RemotingCommand(code: 10, opaque: 7, body: [1, 2, 3]).encoded().map { ~$0 })
        let length = socket.receive(4).reduce(0) { $0 << 8 | Int(~$1) }
        let answer = try RemotingCommand.decode(frame: socket.receive(length).map { ~$0 })
        #expect(answer.opaque == 7)
        #expect(answer.body == [1, 2, 3])
    }
}
