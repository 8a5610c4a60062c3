import RMQCommon
import RMQTestSupport
import Testing

@testable import RMQRemoting

@Suite(.takesTurns) struct WaiterTableTests {
    private static let template = PullTemplate(PullMessageHeader())

    private func request(_ number: Int32, _ deadline: MonotonicInstant = .distantFuture) -> PendingRequest {
        let request = PendingRequest(pulling: PullTemplate.Place(offset: 0), by: Self.template, from: .now, until: deadline)
        request.number = number
        return request
    }

    @Test func itHoldsWhatASetHolds() throws {
        var random = try SeededRandom.replayable(7)
        var table = WaiterTable()
        var model: Set<Int32> = []
        for round in 0..<20_000 {
            // Numbers follow each other, as they do on a connection; some stay for long.
            let number = Int32(round / 2) - 1_000_000 - Int32.random(in: 0..<200, using: &random)
            let isWanted = Int.random(in: 0..<(round < 10_000 ? 3 : 5), using: &random) == 0
            if isWanted {
                let isNew = table.insert(request(number))
                #expect(isNew == model.insert(number).inserted)
            } else {
                let found = table.remove(number)?.number
                #expect(found == model.remove(number))
            }
            if round % 1000 == 0 { #expect(model.allSatisfy { table.contains($0) }) }
        }
        #expect(table.count == model.count)
        let left = Set(table.removeAll().map(\.number))
        #expect(left == model)
        #expect(table.isEmpty)
    }

    @Test func theOverdueLeaveAndTheNextDeadlineIsTold() {
        var table = WaiterTable()
        for second in 1...100 { _ = table.insert(request(Int32(-second), MonotonicInstant(nanoseconds: Int64(second) * 1_000_000_000))) }
        let (overdue, earliest) = table.removeOverdue(MonotonicInstant(nanoseconds: 40_000_000_000))
        #expect(Set(overdue.map(\.number)) == Set((1...40).map { Int32(-$0) }))
        #expect(earliest?.nanoseconds == 41_000_000_000)
        #expect(table.count == 60)
    }
}
