import RMQCommon
import RMQTestSupport
import Testing

@testable import RMQRemoting

/// Channels without sockets: on a simulated loop, under a clock by hand, through a transport that the test fills.
@Suite(.takesTurns) struct SimulatedChannelTests {
    private let transport = ScriptedTransport()
    private let counts = LineService.Log()
    private let limits = ChannelLimits(
        idleTimeout: .seconds(120), inputLimitBytes: 1000, outputHighWaterBytes: 1000, outputLimitBytes: 10_000)

    /// A channel that speaks lines; its end is noted.
    private func open(on simulated: SimulatedLoop) throws -> Channel {
        let service = LineService(counts)
        simulated.loop.add(ServiceEnd(service))
        let channel = try #require(Channel(
            try Descriptor(opening: "/dev/null", flags: 0), remote: HostAddress(ipv4: (127, 0, 0, 1), port: 1), loop: simulated.loop,
            transport: transport, limits: limits, logger: .silent
        ) { _ in simulated.note("closed") })
        channel.start(service.makeProtocol(for: channel))
        return channel
    }

    private final class ServiceEnd: WakeUpObserver {
        private let service: LineService
        init(_ service: LineService) { self.service = service }
        func wakeUpEnded() { service.wakeUpEnded() }
    }

    /// Somebody sets the time of day at every wake-up: two hours ahead, two hours back, two hours ahead …
    private func steppingLoop() -> SimulatedLoop {
        var step = Duration.seconds(7200)
        return SimulatedLoop { clock in
            clock.step(step)
            step = .zero - step
        }
    }

    private static func lines(_ texts: String...) -> [UInt8] { texts.flatMap { Array($0.utf8) + [UInt8(ascii: "\n")] } }

    @Test func allLinesOfAWakeUpAreAnsweredWithOneWrite() throws {
        let simulated = SimulatedLoop()
        let log = simulated.run { simulated in
            guard let channel = try? open(on: simulated) else { return }
            transport.arriving = [Self.lines("a", "b") + Array("c".utf8), Self.lines("c", "d")]
            simulated.announce(channel.id, .readable)
            simulated.loop.scheduleLocally(after: .seconds(1)) { simulated.announce(channel.id, .readable) }
            simulated.loop.scheduleLocally(after: .seconds(2)) { simulated.note("\(transport.written.count) writes") }
        }
        #expect(log.first == "2 writes at 2000")
        #expect(transport.written == [Self.lines("A", "B"), Self.lines("CC", "D")])
        #expect(counts.batches.value == 2)
    }

    /// As TLS may have to: it cannot write before it has read.
    @Test func aWriteThatWaitsForAReadGoesOnAfterIt() throws {
        let simulated = SimulatedLoop()
        transport.readsBeforeWrite = 2
        let log = simulated.run { simulated in
            guard let channel = try? open(on: simulated) else { return }
            transport.arriving = [Self.lines("a"), Self.lines("b")]
            simulated.announce(channel.id, .readable)
            simulated.loop.scheduleLocally(after: .seconds(1)) { simulated.announce(channel.id, .readable) }
            // Not at the end only, when everything is written that can be.
            simulated.loop.scheduleLocally(after: .seconds(2)) { simulated.note("\(transport.written.count) writes") }
        }
        #expect(log.first == "1 writes at 2000")
        #expect(transport.written == [Self.lines("A", "B")])
        #expect(transport.blockedWrites == 2, "at the end of the first wake-up, and before the second read")
    }

    @Test("Case 4.2: an idle channel is closed in its time, however the clock is set")
    func idleTimeIsNotTheTimeOfDay() throws {
        let log = steppingLoop().run { simulated in
            guard let channel = try? open(on: simulated) else { return }
            transport.arriving = [Self.lines("a"), Self.lines("b")]
            for seconds in [50, 100] {
                simulated.loop.scheduleLocally(after: .seconds(seconds)) { simulated.announce(channel.id, .readable) }
            }
        }
        // Looked at every 12 s; the last line came at 100 s.
        #expect(log == ["closed at 228000"])
        #expect(transport.wasShutDown)
        #expect(counts.closed.value == 1)
    }

    @Test func aStoppedLoopClosesItsChannels() throws {
        let simulated = SimulatedLoop()
        let log = simulated.run { simulated in
            _ = try? open(on: simulated)
            simulated.loop.scheduleLocally(after: .seconds(1)) { simulated.loop.stop() }
        }
        #expect(log == ["closed at 1000"])
        #expect(counts.closed.value == 1)
    }
}
