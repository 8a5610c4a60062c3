import Foundation
import RMQCommon
import RMQStore
import RMQTestSupport
import Testing

/// Recovery from what no crash leaves by itself: lost files, and damage in what was on the disk already.
@Suite(.takesTurns) struct DamagedRecoveryTests {
    @Test func aLostFirstFileOfAQueueIsMadeAgain() throws {
        let folder = try TemporaryFolder()
        do {
            let store = try openStore(folder.path)
            for index in 0..<700 { try store.put("T", 0, text: "\(index)") }
            try store.close()
        }
        try FileManager.default.removeItem(atPath: folder.sub("consumequeue/T/0/00000000000000000000"))
        let store = try openStore(folder.path)
        #expect(try store.everything("T", 0).map(\.text) == (0..<700).map { "\($0)" })
        try store.close()
    }

    @Test func anEmptyFileBeforeOthersIsMadeAgain() throws {
        let folder = try TemporaryFolder()
        do {
            let store = try openStore(folder.sub("live"))
            for index in 0..<700 { try store.put("T", 0, text: "\(index)") }
            try copyDirectory(folder.sub("live"), to: folder.sub("crashed"))
            try store.close()
        }
        try Data().write(to: URL(fileURLWithPath: folder.sub("crashed/consumequeue/T/0/00000000000000000000")))
        let store = try openStore(folder.sub("crashed"))
        #expect(try store.everything("T", 0).map(\.text) == (0..<700).map { "\($0)" })
        try store.close()
    }

    /// A bad record behind what was written back is the torn end of the log; before that it is damage, and what follows stays.
    @Test func damageInWhatWasWrittenBackCostsOneMessage() throws {
        let folder = try TemporaryFolder()
        var damaged: AppendResult?
        do {
            let store = try openStore(folder.sub("live"))
            for index in 0..<100 {
                let result = try store.put("T", 0, text: "\(index) " + String(repeating: "x", count: 100))
                if index == 40 { damaged = result }
            }
            try store.close()
        }
        do {
            // Open again, so that the next end is a crash.
            let store = try openStore(folder.sub("live"))
            try store.put("T", 0, text: "100 ")
            try copyDirectory(folder.sub("live"), to: folder.sub("crashed"))
            try store.close()
        }
        try overwriteLog(folder.sub("crashed"), at: try #require(damaged).physicalOffset + 95, with: [0, 0, 0])
        let store = try openStore(folder.sub("crashed"))
        let numbers = try store.everything("T", 0).map { Int($0.text.prefix { $0 != " " }) }
        #expect(numbers == (0...100).filter { $0 != 40 })
        #expect(try store.put("T", 0, text: "101 ").queueOffset == 101)
        try store.close()
    }
}
