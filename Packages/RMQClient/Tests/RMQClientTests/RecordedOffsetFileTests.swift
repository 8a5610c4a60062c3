@testable import RMQClient
import RMQCommon
import RMQTestSupport
import Testing

/// The file of a broadcasting consumer: the reference's, byte for byte.
@Suite(.takesTurns) struct RecordedOffsetFileTests {
    private static func queue(_ id: Int32) -> MessageQueue { MessageQueue(topic: "GoldenBatch", brokerName: "golden-a", queueId: id) }
    private static let recorded: [MessageQueue: Int64] = [queue(0): 0, queue(1): 0, queue(2): 10, queue(3): 0]

    @Test func aFileOfTheReferenceIsRead() throws {
        let folder = try TemporaryFolder()
        let path = folder.sub("offsets.json")
        try SmallFile.replace(path, with: try GoldenData.bytes("broadcast-offsets.json"))
        #expect(try OffsetFile.load(path, logger: .silent) == Self.recorded)
    }

    /// The order of the queues means nothing, at the reference either.
    @Test func aFileIsWrittenAsTheReferenceWritesIt() throws {
        let recorded = try lines(GoldenData.text("broadcast-offsets.json"))
        #expect(lines(String(decoding: OffsetFile.encode(Self.recorded), as: UTF8.self)) == recorded)
    }

    private func lines(_ text: String) -> [ByteText] { text.split(ascii: "\n").map { ByteText($0) }.sorted() }

    @Test func thePathIsThatOfTheReference() {
        #expect(ByteText(OffsetFile.path(directory: "/d", clientId: "10.0.0.1@one", group: "g")) == "/d/10.0.0.1@one/g/offsets.json")
    }

    @Test(arguments: ["missing", "empty", "unreadable"]) func theBackupIsReadInsteadOfABadFile(_ kind: String) throws {
        let folder = try TemporaryFolder()
        let path = folder.sub("c/g/offsets.json")
        try OffsetFile.save([Self.queue(0): 1], to: path)
        try OffsetFile.save([Self.queue(0): 2], to: path)
        #expect(try OffsetFile.load(path, logger: .silent) == [Self.queue(0): 2])
        switch ByteText(kind) {
        case "missing": try FileSystem.remove(path)
        case "empty": try overwrite(path, with: "")
        default: try overwrite(path, with: "{\"offsetTable\":")
        }
        #expect(try OffsetFile.load(path, logger: .silent) == [Self.queue(0): 1])
    }

    @Test func noFileAtAllIsNoOffsetsAndTwoBadOnesAreAnError() throws {
        let folder = try TemporaryFolder()
        let path = folder.sub("offsets.json")
        #expect(try OffsetFile.load(path, logger: .silent) == [:])
        try overwrite(path, with: "{")
        try overwrite(path + ".bak", with: "{")
        let error = #expect(throws: ClientError.self) { try OffsetFile.load(path, logger: .silent) }
        #expect(error?.code == .offsetFileUnreadable)
    }

    /// As somebody else would, without a backup.
    private func overwrite(_ path: String, with text: String) throws {
        if FileSystem.exists(path) { try FileSystem.remove(path) }
        try SmallFile.replace(path, with: text)
    }
}
