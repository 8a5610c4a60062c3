import Foundation
import RMQBroker
import RMQClient
import RMQCommon
import RMQNamesrv
import RMQTestSupport
import Testing

/// `docs/configuration.md` is what the rows say.
@Suite(.takesTurns) struct ConfigurationManualTests {
    private static let introduction = """
        # Configuration

        Every key of `mqbroker` and `mqnamesrv`, and of the file that a client reads. This page is made of the program's own rows; after a change of one, write it again with
        `RMQ_WRITE_DOCS=1 swift test --filter ConfigurationManualTests`.

        Keys stand in the file that `-c` names, one `key=value` a line. `-p` prints what a program would run with, `mqbroker -m` the important
        part of it; `getBrokerConfig` and `getNamesrvConfig` of RocketMQ's `mqadmin` what a running one has (the `mqadmin` here does not have them
        yet). A key that is not known is warned of; so is a value that is not allowed, which is replaced, or stops the start where something else than was meant would be lost.

        A running broker takes the keys that take effect at once (`updateBrokerConfig`), and no others, and writes them to its `-c` file; without
        one they are in force until it stops. A name server, which writes its file again as a whole,
        also takes numbers and flags that take effect at the next start (`updateNamesrvConfig`). Both do so through a loopback address only, unless
        `allowRemoteConfigurationUpdate` says otherwise or access control asks for an administrator's account.

        An application that uses `RMQClient` names its file in code, `RocketMQClient.Configuration(file:)`. A value that is not allowed is an error
        there.


        """

    @Test func thePageIsThatOfTheRows() throws {
        let page = Self.introduction + BrokerConfiguration.settings.manual("Broker") + "\n" + NameServerConfiguration.settings.manual("Name server")
            + "\n" + RocketMQClient.Configuration.settings.manual("Client")
        let path = Self.root + "/docs/configuration.md"
        if Environment.value("RMQ_WRITE_DOCS") != nil {
            try FileSystem.makeDirectories(FileSystem.parent(path))
            try page.write(toFile: path, atomically: true, encoding: .utf8)
        }
        let written = String(decoding: try SmallFile.read(path) ?? [], as: UTF8.self)
        let (found, wanted) = (written.split(ascii: "\n", keepingEmpty: true), page.split(ascii: "\n", keepingEmpty: true))
        let different = (0..<max(found.count, wanted.count)).first { !found.dropFirst($0).first.isExactly(wanted.dropFirst($0).first) }
        if let different {
            Issue.record(
                """
                docs/configuration.md differs from the rows in line \(different + 1), which should be
                \(wanted.dropFirst(different).first ?? "none")
                Write it again: RMQ_WRITE_DOCS=1 swift test --filter ConfigurationManualTests
                """)
        }
    }

    /// Tests/Integration/ConfigurationManualTests.swift is three steps below it.
    private static var root: String { (0..<3).reduce(#filePath) { path, _ in FileSystem.parent(path) } }

    @Test func everyKeyHasItsSentence() {
        let sentences = Self.sentences(BrokerConfiguration.settings) + Self.sentences(NameServerConfiguration.settings)
            + Self.sentences(RocketMQClient.Configuration.settings)
        for (key, sentence) in sentences { #expect(sentence.hasSuffix(".") || sentence.hasSuffix("…"), "\(key): \(sentence)") }
    }

    private static func sentences<Root>(_ table: SettingTable<Root>) -> [(key: String, sentence: String)] {
        table.all.map { setting in
            switch setting.status {
            case .honoured: (setting.key, setting.summary)
            case .withoutEffect(let reason, _), .refused(let reason): (setting.key, reason)
            }
        }
    }
}
