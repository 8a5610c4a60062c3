import CRMQSystem
import Glibc
import RMQCommon
import RMQRemoting

/// A connection of the soak: it asks one thing after the other, or sends many and takes their answers as they come. On its thread only.
final class SoakConnection {
    private let address: HostAddress
    private var socket: LoadSocket
    private var nextOpaque: Int32 = 1
    /// Called with what the broker asks of this client.
    var asked: (RemotingCommand) -> Void = { _ in }

    init(_ address: HostAddress) throws(BenchError) {
        self.address = address
        socket = try LoadSocket(connectingTo: address)
    }

    /// As a client that is killed: what is on the way is lost.
    func reconnect() throws(BenchError) { socket = try LoadSocket(connectingTo: address) }

    /// - Returns: the number of the request, by which its answer is known.
    @discardableResult
    func send(_ command: RemotingCommand) throws(BenchError) -> Int32 {
        var command = command
        command.opaque = nextOpaque
        nextOpaque = nextOpaque == .max ? 1 : nextOpaque + 1
        socket.append(command.encoded()) { _ in }
        while try socket.flush() { wait(milliseconds: 10) }
        return command.opaque
    }

    /// Waits for frames, at most so long, and hands over the answers among them.
    func receive(milliseconds: Int64, _ answered: (RemotingCommand) throws(BenchError) -> Void) throws(BenchError) {
        wait(milliseconds: milliseconds)
        try socket.receive { frame throws(BenchError) in
            let command: RemotingCommand
            do throws(FrameError) {
                command = try RemotingCommand.decode(header: frame.header, serialization: frame.isBinary ? .rocketmq : .json, body: frame.body)
            } catch {
                throw BenchError("the broker sent a frame that cannot be read: \(error)")
            }
            if command.isResponse { try answered(command) } else { asked(command) }
        }
    }

    /// Asks and waits for the answer.
    func ask(_ command: RemotingCommand) throws(BenchError) -> RemotingCommand {
        let opaque = try send(command)
        let deadline = nanosecondsNow() + 30_000_000_000
        var answer: RemotingCommand?
        while answer == nil {
            guard nanosecondsNow() < deadline else { throw BenchError("no answer to \(RequestCode(rawValue: command.code)) for 30 s") }
            try receive(milliseconds: 100) { command in
                if command.opaque == opaque { answer = command }
            }
        }
        return answer!
    }

    private func wait(milliseconds: Int64) { _ = crmq_wait_readable(socket.descriptor, milliseconds * 1_000_000) }
}
