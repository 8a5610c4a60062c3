@testable import RMQBroker
import Foundation
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// The broker's logs, as runbooks look into them.
@Suite(.takesTurns) struct LogTests {
    private func lines(_ path: String) throws -> [ByteText] {
        try String(contentsOfFile: path, encoding: .utf8).split(ascii: "\n").map { ByteText($0) }
    }

    @Test(arguments: [nil, "broker-a_0"]) func eachLogHasItsFile(subfolder: String?) throws {
        let folder = try TemporaryFolder()
        let logger = Logger(category: BrokerLog.broker.rawValue, sink: try BrokerLogFiles(in: folder.path, subfolder: subfolder), clock: WallClock { 0 })
        let files: [(log: BrokerLog, file: String, line: ByteText)] = [
            (.broker, "broker", "1970-01-01 08:00:00 INFO RocketmqBroker - m"), (.store, "store", "1970-01-01 08:00:00 INFO RocketmqStore - m"),
            (.remoting, "remoting", "1970-01-01 08:00:00 INFO RocketmqRemoting - m"),
            (.transaction, "transaction", "1970-01-01 08:00:00 INFO RocketmqTransaction - m"),
            (.rebalanceLock, "lock", "1970-01-01 08:00:00 INFO RocketmqRebalanceLock - m"),
            (.filter, "filter", "1970-01-01 08:00:00 INFO RocketmqFilter - m"), (.statistics, "stats", "1970-01-01 08:00:00 INFO - m"),
            (.waterMark, "watermark", "1970-01-01 08:00:00 - m"), (.protection, "protection", "1970-01-01 08:00:00 - m"),
            (.accounts, "common", "1970-01-01 08:00:00 INFO RocketmqCommon - m"),
        ]
        #expect(files.count == BrokerLog.allCases.count)
        for (log, _, _) in files { logger.with(log).info("m") }
        logger.with(category: "RocketmqNamesrv").info("m")
        logger.with(.store).error("bad")
        let place = folder.path + (subfolder.map { "/" + $0 } ?? "") + "/"
        for (log, file, line) in files where log != .store { #expect(try lines("\(place)\(file).log") == [line]) }
        #expect(try lines(place + "store.log").count == 2)
        #expect(try lines(place + "storeerror.log") == ["1970-01-01 08:00:00 ERROR RocketmqStore - bad"])
        #expect(try lines(place + "broker_default.log") == ["1970-01-01 08:00:00 INFO RocketmqNamesrv - m"])
    }

    /// One line for each item and full minute, hour and day of the local clock; how far groups are behind every five minutes.
    @Test func statisticsAreWrittenWhenASpanIsOver() async throws {
        let clock = HandClock(1_700_006_430_000)  // 2023-11-15 00:00:30 in Greenwich
        let sink = MemorySink()
        try await withPeer { peer in
            let statistics = peer.broker.state.statistics
            _ = try await peer.send("T", "x")
            _ = try await peer.pull("T", from: 0)
            statistics.takeSample()
            let log = StatisticsLog(
                statistics, logger: Logger(category: "test", sink: sink), clock: clock.clocks.wall, zone: .utc)
            func written(after milliseconds: Int64) -> (spans: [String], moments: Int) {
                clock.advance(.milliseconds(milliseconds))
                let before = sink.records.count
                log.write()
                let lines = sink.records[before...].filter { $0.category.isExactly("RocketmqStats") }.map(\.message)
                let spans = lines.filter { $0.hasBytePrefix("[TOPIC_PUT_NUMS] [T] ") }.map { String($0.split(ascii: " ")[5].dropLast()) }
                return (spans, lines.filter { $0.hasBytePrefix("[GROUP_GET_FALL_SIZE] [0@T@g] ") }.count)
            }
            #expect(log.pause == .seconds(30))
            let first = written(after: 30_000)
            #expect(first.spans.map { ByteText($0) } == ["Minute"])
            #expect(first.moments == 1)
            #expect(written(after: 10).spans.isEmpty, "the same minute")
            var spans: [ByteText] = [], moments: [Int] = []
            for _ in 0..<60 {
                let next = written(after: 60_000)
                spans += next.spans.map { ByteText($0) }
                moments.append(next.moments)
            }
            #expect(spans.filter { $0 == "Minute" }.count == 60)
            #expect(spans.filter { $0 == "Hour" }.count == 1)
            #expect(moments.enumerated().filter { $0.element == 1 }.map(\.offset) == Array(stride(from: 4, to: 60, by: 5)))
            #expect(sink.messages.contains { $0.hasBytePrefix("[TOPIC_PUT_NUMS] [T] Stats In One Minute, SUM: 1 TPS: ") })
            #expect(sink.messages.contains { $0.hasBytePrefix("[STORETPS] put_tps ") })
        }
    }

    @Test func aDayIsWrittenAtMidnightOfTheLocalClock() async throws {
        let sink = MemorySink()
        // 1970-01-01 23:59:30 an hour east of Greenwich.
        let clock = HandClock(22 * 3_600_000 + 59 * 60_000 + 30_000)
        try await withPeer { peer in
            _ = try await peer.send("T", "x")
            peer.broker.state.statistics.takeSample()
            let log = StatisticsLog(
                peer.broker.state.statistics, logger: Logger(category: "test", sink: sink), clock: clock.clocks.wall,
                zone: .fixed(secondsEastOfGreenwich: 3_600))
            clock.advance(.milliseconds(29_500))  // a timer that comes half a second early
            log.write()
            clock.advance(.milliseconds(500))
            log.write()
            let days = sink.messages.filter { $0.hasBytePrefix("[TOPIC_PUT_NUMS] [T] Stats In One Day, ") }
            #expect(days.count == 1)
        }
    }

    @Test func theWaterMarkTellsWhatWaits() async throws {
        try await withPeer { peer in
            let gate = Gate()
            for _ in 0..<Workers.threadLimit + 3 { #expect(peer.broker.state.workers.administrators.run { gate.pass() }) }
            peer.broker.state.statistics.add({
                let waiting = WaitingSends()
                waiting.set(7, since: .now)
                return waiting
            }())
            try await eventually("three wait for a thread") { peer.broker.state.workers.administrators.waitingCount == 3 }
            let lines = WaterMark(peer.broker.state).lines
            gate.open()
            #expect(lines.count == 4)
            #expect(lines[0].hasBytePrefix("[WATERMARK] Send Queue Size: 7 SlowTimeMills: "))
            #expect(ByteText(lines[1]) == "[WATERMARK] Pull Queue Size: 0 SlowTimeMills: 0")
            #expect(lines[2].hasBytePrefix("[WATERMARK] Query Queue Size: 3 SlowTimeMills: "))
            #expect(ByteText(lines[3]) == "[WATERMARK] Transaction Queue Size: 0 SlowTimeMills: 0")
        }
    }

    @Test func whatIsLoggedIsChangedByACommand() async throws {
        let sink = MemorySink()
        let logger = Logger(category: BrokerLog.broker.rawValue, sink: sink)
        try await withPeer(logger: logger) { peer in
            let changed = try await peer.ask(.updateBrokerConfig, text: "logLevel=WARN;RocketmqStore=DEBUG\n")
            #expect(changed.code == 0, "\(changed.remark ?? "")")
            #expect(!logger.isEnabled(.info))
            #expect(logger.with(.store).isEnabled(.debug))
            #expect(try await peer.ask(.getBrokerConfig).text.contains("logLevel=WARN;RocketmqStore=DEBUG\n"))
            let refused = try await peer.ask(.updateBrokerConfig, text: "logLevel=LOUD\n")
            #expect(refused.responseCode == .systemError)
            #expect(!logger.isEnabled(.info))
        }
    }
}
