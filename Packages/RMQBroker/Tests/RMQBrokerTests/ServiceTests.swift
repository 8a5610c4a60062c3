import RMQTestSupport
import Synchronization
import Testing

@testable import RMQBroker

@Suite(.takesTurns) struct ServiceTests {
    private final class Noted: Service {
        private let name: String
        private let fails: Bool

        final class Notes: Sendable {
            let list = Mutex<[String]>([])
        }
        private let log: Notes

        init(_ name: String, _ log: Notes, fails: Bool = false) {
            self.name = name
            self.log = log
            self.fails = fails
        }

        func start() throws(BrokerError) {
            log.list.withLock { $0.append("+\(name)") }
            if fails { throw .store(reason: "\(name) cannot") }
        }

        func stop() { log.list.withLock { $0.append("-\(name)") } }
    }

    @Test func servicesStopInTheOppositeOrder() throws {
        let log = Noted.Notes()
        let services = try ServiceList(starting: [Noted("a", log), Noted("b", log), Noted("c", log)])
        services.stop()
        #expect(log.list.withLock { $0 } == ["+a", "+b", "+c", "-c", "-b", "-a"])
    }

    @Test func whatStartedBeforeOneThatCannotIsStopped() {
        let log = Noted.Notes()
        #expect(throws: BrokerError.store(reason: "c cannot")) {
            _ = try ServiceList(starting: [Noted("a", log), Noted("b", log), Noted("c", log, fails: true), Noted("d", log)])
        }
        #expect(log.list.withLock { $0 } == ["+a", "+b", "+c", "-b", "-a"])
    }
}
