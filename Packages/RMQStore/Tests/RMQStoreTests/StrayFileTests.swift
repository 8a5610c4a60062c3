import Foundation
import RMQCommon
@testable import RMQStore
import RMQTestSupport
import Testing

/// What people, editors and file systems leave in a store's folders.
@Suite(.takesTurns) struct StrayFileTests {
    enum Stray: CaseIterable {
        case notes, backup, swap, temporary, hidden, lostAndFound, folder, link, linkToNowhere, socket, pipe, empty, shortNumber, longNumber, negative

        var name: String {
            switch self {
            case .notes: "notes.txt"
            case .backup: "00000000000000000000~"
            case .swap: ".00000000000000000000.swp"
            case .temporary: "00000000000000000000.tmp"
            case .hidden: ".DS_Store"
            case .lostAndFound: "lost+found"
            case .folder: "old files"
            case .link: "link"
            case .linkToNowhere: "nowhere"
            case .socket: "socket"
            case .pipe: "pipe"
            case .empty: "empty"
            case .shortNumber: "65536"
            case .longNumber: "000000000000000065536"
            case .negative: "-0000000000000065536"
            }
        }

        func make(in directory: String) throws {
            let path = directory + "/" + name
            switch self {
            case .lostAndFound, .folder:
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
                if self == .folder { try Data("a".utf8).write(to: URL(fileURLWithPath: path + "/00000000000000000000")) }
            case .link: try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/etc/hostname")
            case .linkToNowhere: try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/nowhere/x")
            case .socket: try #require(mknod(path, S_IFSOCK | 0o644, 0) == 0)
            case .pipe: try #require(mkfifo(path, 0o644) == 0)
            case .empty: _ = FileManager.default.createFile(atPath: path, contents: nil)
            default: try Data("a".utf8).write(to: URL(fileURLWithPath: path))
            }
        }
    }

    static let folders = ["", "commitlog", "consumequeue", "consumequeue/T", "consumequeue/T/0", "consumequeue_ext", "consumequeue_ext/T", "consumequeue_ext/T/0", "index", "config"]

    @Test(arguments: [true, false], folders) func everyKindInAFolder(clean: Bool, folder: String) async throws {
        let store = try await WholeStore(clean: clean)
        let directory = store.root + (folder.isEmpty ? "" : "/" + folder)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        for stray in Stray.allCases { try stray.make(in: directory) }
        let (first, _) = try await store.expectRepaired()
        for stray in Stray.allCases { #expect(StoreFiles.kind(directory + "/" + stray.name) != nil, "\(stray) is left alone") }
        if ["commitlog", "consumequeue/T/0", "index"].contains(folder) {
            for stray in Stray.allCases where stray != .lostAndFound {
                #expect(first.contains { $0.contains(directory + "/" + stray.name) && $0.contains("left alone") }, "\(stray) is named")
            }
        }
    }

    /// Where the log's next file, the queue's next file or the next queue's folder has to go.
    @Test(arguments: [true, false], ["commitlog/00000000000000131072", "consumequeue/T/0/00000000000000018000", "consumequeue/T/7", "consumequeue/New"])
    func whatStandsInTheWayIsSetAside(clean: Bool, name: String) async throws {
        let store = try await WholeStore(clean: clean)
        let path = store.root + "/" + name
        let isLog = name.hasPrefix("commitlog")
        if isLog {
            // Behind the last file, wherever that is.
            let last = try #require(try store.files("commitlog").last.flatMap { SegmentName.offset(String($0.suffix(20))) })
            try FileManager.default.createDirectory(atPath: store.root + "/commitlog/" + SegmentName.text(last + 65536), withIntermediateDirectories: false)
        } else if name.hasSuffix("18000") {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        } else {
            try Data("mine".utf8).write(to: URL(fileURLWithPath: path))
        }
        let reopened = try store.open()
        for number in 0..<600 { try reopened.put("T", 0, text: "more \(number) " + String(repeating: "x", count: 200)) }
        try reopened.put("T", 7, text: "seven")
        try reopened.put("New", 0, text: "new")
        #expect(try reopened.everything("T", 0).count == WholeStore.count + 600)
        #expect(try reopened.everything("T", 7).map(\.text) == ["seven"])
        #expect(try reopened.everything("New", 0).map(\.text) == ["new"])
        try reopened.close()
        if !isLog { #expect(StoreFiles.kind(path + ".stray1") != nil) }
    }

    @Test func aDeletedTopicLeavesWhatIsNotItsOwn() throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.path)
        try store.put("T", 0, text: "x")
        try FileManager.default.createDirectory(atPath: folder.sub("consumequeue/T/0/mine"), withIntermediateDirectories: false)
        try store.deleteTopic("T")
        #expect(StoreFiles.kind(folder.sub("consumequeue/T/0/mine")) == .directory)
        #expect(try store.put("T", 0, text: "again").queueOffset == 0)
        try store.close()
        let reopened = try openStore(folder.path)
        #expect(try reopened.everything("T", 0).map(\.text) == ["again"])
        try reopened.close()
    }
}
