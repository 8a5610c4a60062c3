@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// A network in which nobody answers.
struct SilentTransport: ClientTransport {
    func request(_ command: RemotingCommand, to address: String, timeout: Duration) async throws(RemotingError) -> RemotingCommand {
        throw .closed
    }

    func sendOneway(_ command: RemotingCommand, to address: String, timeout: Duration) async throws(RemotingError) { throw .closed }
    func setRequestHandler(_ handler: @escaping @Sendable (RemotingCommand, String) async -> RemotingCommand?) {}
    func setConnectionClosedHandler(_ handler: @escaping @Sendable (String) -> Void) {}
    func close() {}
}

/// Keeps what is sent one-way.
final class RecordingTransport: ClientTransport {
    private let list = Mutex<[(command: RemotingCommand, address: String)]>([])
    var sent: [(command: RemotingCommand, address: String)] { list.withLock { $0 } }

    func request(_ command: RemotingCommand, to address: String, timeout: Duration) async throws(RemotingError) -> RemotingCommand {
        throw .closed
    }

    func sendOneway(_ command: RemotingCommand, to address: String, timeout: Duration) async throws(RemotingError) { list.withLock { $0.append((command, address)) } }
    func setRequestHandler(_ handler: @escaping @Sendable (RemotingCommand, String) async -> RemotingCommand?) {}
    func setConnectionClosedHandler(_ handler: @escaping @Sendable (String) -> Void) {}
    func close() {}
}

/// Keeps log lines.
final class MemoryLog: LogSink {
    private let records = Mutex<[String]>([])
    var texts: [String] { records.withLock { $0 } }
    func write(_ record: LogRecord) { records.withLock { $0.append(record.message) } }
}

/// Frames that were recorded from the reference.
enum RecordedFrames {
    /// Requests, not answers, with this code, in the order of the recording.
    static func commands(of code: RequestCode) throws -> [RemotingCommand] {
        try GoldenData.lines("frames.jsonl").compactMap { line in
            let record = try JSONValue(parsing: line)
            guard record["requestCode"]?.asInt32 == code.rawValue, record["kind"]?.asString != "response" else { return nil }
            let frame = try #require(record["frame"]?.asString.flatMap(Hex.bytes))
            return try RemotingCommand.decode(frame: Array(frame.dropFirst(4)))
        }
    }
}
