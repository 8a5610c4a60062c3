import Foundation
import Testing

/// The recordings of the reference, in `Tests/Golden` of the repository.
enum Golden {
    /// One message as the reference's own client read it.
    struct ExpectedMessage: Decodable {
        var topic: String
        var queueId: Int32
        var queueOffset: Int64
        var commitLogOffset: Int64
        var storeSize: Int32
        var sysFlag: Int32
        var flag: Int32
        var bornTimestamp: Int64
        var storeTimestamp: Int64
        var bornHost: String
        var bornPort: UInt16
        var storePort: UInt16
        var bodyCRC: Int32
        var reconsumeTimes: Int32
        var preparedTransactionOffset: Int64
        var offsetMsgId: String
        var uniqueId: String?
        var tags: String?
        var keys: String?
        var properties: [String: String]
        var bodyLength: Int
        var bodySHA256: String
    }

    /// The messages of a recording: lines of JSON, at least one.
    static func expected(_ lines: Data) throws -> [ExpectedMessage] {
        let decoder = JSONDecoder()
        let messages = try [UInt8](lines).split(separator: UInt8(ascii: "\n")).map { try decoder.decode(ExpectedMessage.self, from: Data($0)) }
        try #require(!messages.isEmpty)
        return messages
    }

    /// What a program of the system prints.
    static func run(_ program: String, _ arguments: [String]) throws -> Data {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CocoaError(.executableLoad) }
        return output
    }
}
