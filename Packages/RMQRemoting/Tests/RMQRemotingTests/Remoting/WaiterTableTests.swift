import RMQCommon
import RMQTestSupport
import Testing

@testable import RMQRemoting

@Suite(.takesTurns) struct WaiterTableTests {
    /// Runs `work` with a table, and ends the waiting of all that are left in it.
    private func withTable(_ work: (inout WaiterTable, _ waiter: (Int32, MonotonicInstant) -> WaiterTable.Waiter) -> Void) async {
        _ = await withUnsafeContinuation { (continuation: Outbox.Continuation) in
            var table = WaiterTable()
            work(&table) { number, deadline in
                WaiterTable.Waiter(
                    number: number, code: 0, deadline: deadline, timeoutNanoseconds: 0, bytesToCome: 0, continuation: continuation)
            }
            continuation.resume(returning: .notConnected)
        }
    }

    @Test func itHoldsWhatADictionaryHolds() async throws {
        var random = try SeededRandom.replayable(7)
        await withTable { table, waiter in
            var model: Set<Int32> = []
            for round in 0..<20_000 {
                // Numbers follow each other, as they do on a connection; some stay for long.
                let number = Int32.min + Int32(round / 2) - Int32.random(in: 0..<200, using: &random)
                let isWanted = Int.random(in: 0..<(round < 10_000 ? 3 : 5), using: &random) == 0
                if isWanted {
                    let isNew = table.insert(waiter(number, .distantFuture))
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
    }

    @Test func theOverdueLeaveAndTheNextDeadlineIsTold() async {
        await withTable { table, waiter in
            for second in 1...100 { _ = table.insert(waiter(Int32(-second), MonotonicInstant(nanoseconds: Int64(second) * 1_000_000_000))) }
            let (overdue, earliest) = table.removeOverdue(MonotonicInstant(nanoseconds: 40_000_000_000))
            #expect(Set(overdue.map(\.number)) == Set((1...40).map { Int32(-$0) }))
            #expect(earliest?.nanoseconds == 41_000_000_000)
            #expect(table.count == 60)
        }
    }
}
