import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

@testable import RMQNamesrv

/// Changes that wait for the disk share a write of their file.
///
/// The first write of a file leaves no `.bak`, and each later one leaves there what the file held before: that tells how many writes
/// there were.
@Suite(.takesTurns) struct GroupCommitTests {
    private final class Answers<Answer: Sendable>: Sendable {
        private let answers = Mutex<[Int: Answer]>([:])

        var all: [Int: Answer] { answers.withLock { $0 } }

        func add(_ answer: Answer, to number: Int) { answers.withLock { $0[number] = answer } }
    }

    private enum Outcome: Equatable {
        case done, tooLarge, busy, failed

        init(_ failure: (any Error)?) {
            switch failure {
            case nil: self = .done
            case is KeyValueError: self = .tooLarge
            case let refusal as Refusal where refusal.code == .systemBusy: self = .busy
            default: self = .failed
            }
        }
    }

    /// A key-value file with a thread of its own.
    private struct Disk {
        let folder: TemporaryFolder
        let path: String
        let files: WorkerPool
        let values: KeyValues

        init(queueLimit: Int = 100) throws {
            folder = try TemporaryFolder()
            path = folder.sub("kv.json")
            files = WorkerPool(name: "disk", threadLimit: 1, queueLimit: queueLimit)
            values = KeyValues(path: path, files: files, logger: .silent)
        }

        var table: NamespaceTable { KeyValueFile.load(path, logger: .silent) }
        var previousTable: NamespaceTable { KeyValueFile.load(path + ".bak", logger: .silent) }

        /// What becomes of changes that come while the disk is held up.
        func submit(_ changes: [KeyValueChange]) async throws -> [Outcome?] {
            let gate = Gate(), answers = Answers<Outcome>()
            #expect(files.run { gate.pass() })
            try await eventually("the disk is held up") { files.waitingCount == 0 }
            for (number, change) in changes.enumerated() {
                values.submit(change, holding: 0) { answers.add(Outcome($0), to: number) }
            }
            gate.open()
            try await eventually("all are answered") { answers.all.count == changes.count }
            return changes.indices.map { answers.all[$0] }
        }
    }

    private func put(_ key: String, _ value: String = "v") -> KeyValueChange { .put(namespace: "N", key: key, value: value) }
    private func large(_ mebibytes: Int) -> String { String(repeating: "x", count: mebibytes << 20) }

    /// Asks for changes of as many keys on one connection, and returns when all of them wait for the disk.
    private func pipeline(
        _ count: Int, to bench: Bench, _ completion: @escaping @Sendable (Int, Result<RemotingCommand, RemotingError>) -> Void
    ) async throws {
        for number in 0..<count {
            let fields: HeaderFields = ["namespace": "N", "key": "k\(number)", "value": "v"]
            let command = RemotingCommand(code: RequestCode.putKvConfig.rawValue, fields: fields)
            bench.client.send(command, to: bench.address, timeout: .generous) { completion(number, $0) }
        }
        try await eventually("all wait for the disk") { bench.server.state.files.waitingCount == count }
    }

    @Test func thousandsOfChangesAreAnsweredAfterOneWrite() async throws {
        try await Bench.run { bench in
            let gate = Gate(), answers = Answers<ResponseCode?>(), path = bench.server.configuration.kvConfigPath
            #expect(bench.server.state.files.run { gate.pass() })
            try await pipeline(3_000, to: bench) { number, result in answers.add(try? result.get().responseCode, to: number) }
            let early = try await bench.ask(.getKvConfig, fields: ["namespace": "N", "key": "k0"])
            #expect(early.responseCode == .queryNotFound, "what is not on disk is not seen")
            #expect(answers.all.isEmpty)
            gate.open()
            try await eventually("all are answered") { answers.all.count == 3_000 }
            #expect(answers.all.values.allSatisfy { $0 == .success })
            #expect(KeyValueFile.load(path, logger: .silent).namespaces["N"]?.count == 3_000)
            #expect(!FileSystem.exists(path + ".bak"), "one write")
        }
    }

    @Test func aRefusedChangeLeavesTheOthersAlone() async throws {
        let disk = try Disk()
        #expect(try await disk.submit([put("a", large(5))]) == [.tooLarge])
        #expect(!FileSystem.exists(disk.path), "nothing to write")
        let changes = [
            put("a", "1"), put("b", large(3)), put("c", large(2)), .remove(namespace: "N", key: "b"), put("d", large(2)),
            .remove(namespace: "none", key: "none"), put("a", "2"),
        ]
        #expect(try await disk.submit(changes) == [.done, .done, .tooLarge, .done, .done, .done, .done])
        #expect(disk.values.table.namespaces == ["N": ["a": "2", "d": ByteText(large(2))]], "in the order in which they came")
        #expect(disk.table == disk.values.table)
        #expect(!FileSystem.exists(disk.path + ".bak"), "one write")
    }

    @Test func aWriteThatFailsIsToldToAllAndNoneIsSeen() async throws {
        let disk = try Disk()
        #expect(try await disk.submit([put("old")]) == [.done])
        try FileSystem.remove(disk.path)
        try FileSystem.makeDirectories(disk.path)
        let changes = [put("a"), put("b", large(5)), .remove(namespace: "N", key: "old"), put("c")]
        #expect(try await disk.submit(changes) == [.failed, .tooLarge, .failed, .failed])
        #expect(disk.values.table.namespaces == ["N": ["old": "v"]])
        try FileSystem.removeTree(disk.path)
        #expect(try await disk.submit([put("d")]) == [.done])
        #expect(disk.table.namespaces == ["N": ["old": "v", "d": "v"]])
    }

    @Test func aChangeThatWasTooMuchIsNotMadeWithTheOthers() async throws {
        let disk = try Disk(queueLimit: 2)
        #expect(try await disk.submit([put("a"), put("b"), put("c")]) == [.done, .done, .busy])
        #expect(disk.table.namespaces == ["N": ["a": "v", "b": "v"]])
    }

    @Test func eachBatchIsOneWrite() async throws {
        let disk = try Disk()
        #expect(try await disk.submit([put("a"), put("b")]) == [.done, .done])
        #expect(try await disk.submit([put("c"), put("d"), put("e")]) == [.done, .done, .done])
        #expect(disk.table.namespaces["N"]?.count == 5)
        #expect(disk.previousTable.namespaces == ["N": ["a": "v", "b": "v"]])
    }

    @Test func aStopMakesWhatWaitsInOneWrite() async throws {
        let folder = try TemporaryFolder()
        let path = folder.sub("kv.json"), answers = Answers<ResponseCode?>()
        try await Bench.run { $0.kvConfigPath = path } _: { bench in
            let first = try await bench.ask(.putKvConfig, fields: ["namespace": "N", "key": "first", "value": "v"])
            #expect(first.responseCode == .success)
            let gate = Gate()
            #expect(bench.server.state.files.run { gate.pass() })
            try await pipeline(3_000, to: bench) { number, result in
                answers.add(try? result.get().responseCode, to: number)
                gate.open()   // the connections are closed: the stop waits for the disk now
            }
            bench.server.stop()
            let table = KeyValueFile.load(path, logger: .silent)
            #expect(table.namespaces["N"]?.count == 3_001)
            #expect(KeyValueFile.load(path + ".bak", logger: .silent).namespaces == ["N": ["first": "v"]], "one write after the first")
            try await eventually("all hear of it") { answers.all.count == 3_000 }
            #expect(answers.all.values.allSatisfy { $0 == nil }, "nobody was told before it was done")
        }
    }

    @Test func updatesOfTheConfigurationShareAWrite() async throws {
        try await Bench.run { bench in
            let gate = Gate(), answers = Answers<ResponseCode?>(), path = bench.server.configuration.configStorePath
            let updates = ["orderMessageEnable=true", "listenPort=1", "serverWorkerThreads=many", "serverWorkerThreads=16"]
            #expect(bench.server.state.files.run { gate.pass() })
            for (number, update) in updates.enumerated() {
                let command = RemotingCommand(code: RequestCode.updateNamesrvConfig.rawValue, body: Array(update.utf8))
                bench.client.send(command, to: bench.address, timeout: .generous) { answers.add(try? $0.get().responseCode, to: number) }
            }
            try await eventually("all wait for the disk") { bench.server.state.files.waitingCount == updates.count }
            #expect(!bench.server.configuration.orderMessageEnable)
            gate.open()
            try await eventually("all are answered") { answers.all.count == updates.count }
            #expect(answers.all == [0: .success, 1: .noPermission, 2: .systemError, 3: .success])
            let lines = String(decoding: try SmallFile.read(path) ?? [], as: UTF8.self).split(separator: "\n").map(String.init)
            #expect(lines.contains("orderMessageEnable=true"))
            #expect(lines.contains("serverWorkerThreads=16"))
            #expect(!FileSystem.exists(path + ".bak"), "one write")
        }
    }
}
