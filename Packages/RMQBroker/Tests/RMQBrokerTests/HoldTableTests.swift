@testable import RMQBroker
import RMQCommon
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct HoldTableTests {
    @Test func itHoldsNoMoreThanItsLimit() {
        var table = HoldTable<String, Int>(limit: 2)
        let taken = (0..<3).map { table.hold($0, on: "q", until: .at(100)) }
        #expect(taken == [true, true, false])
        #expect(table.count == 2)
    }

    @Test func aQueueIsReleasedInOrderAndWhoIsNotAnsweredStays() {
        var table = HoldTable<String, Int>()
        for number in 0..<5 { _ = table.hold(number, on: number == 2 ? "other" : "q", until: .at(100)) }
        var offered: [Int] = []
        table.release("q") { waiting in
            offered.append(waiting)
            waiting += 10
            return waiting % 2 == 0
        }
        #expect(offered == [0, 1, 3, 4])
        #expect(table.count == 3)
        #expect(table.isHolding("q"))
        offered = []
        table.release("q") { offered.append($0); return true }
        #expect(offered == [11, 13])
        #expect(table.count == 1)
        #expect(!table.isHolding("q"))
    }

    @Test func aSweepTakesWhatIsOverAndWhatIsPicked() {
        var table = HoldTable<String, Int>()
        for (number, deadline) in [30, 10, 20, 40].enumerated() { _ = table.hold(number, on: "q\(number % 2)", until: .at(Int64(deadline))) }
        var (left, next) = table.sweep(now: .at(5)) { _ in false }
        #expect(left.isEmpty)
        #expect(next == .at(10))
        (left, next) = table.sweep(now: .at(20)) { $0 == 3 }
        #expect(left.map(\.waiting).sorted() == [1, 2, 3])
        #expect(next == .at(30))
        #expect(table.count == 1)
        #expect(table.isHolding("q0"))
        #expect(!table.isHolding("q1"))
        (left, next) = table.sweep(now: .at(30)) { _ in false }
        #expect(left.map(\.waiting) == [0])
        #expect(next == nil)
        #expect(table.count == 0)
    }
}

@Suite(.takesTurns) struct ByteKeyedCacheTests {
    private func with<Result>(_ name: String, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        Array(name.utf8).withUnsafeBytes { body($0) }
    }

    @Test func thousandsOfNamesAreKept() {
        let cache = ByteKeyedCache<Int>()
        for number in 0..<20_000 { with("topic-\(number)") { cache.insert(number, $0) } }
        for number in 0..<20_000 { #expect(with("topic-\(number)") { cache.value($0) } == number) }
        #expect(with("topic-20000") { cache.value($0) } == nil)
        cache.removeAll()
        #expect(with("topic-1") { cache.value($0) } == nil)
    }

    @Test func itNeverGrowsWithoutEnd() {
        let cache = ByteKeyedCache<Int>()
        for number in 0..<40_000 { with("\(number)") { cache.insert(number, $0) } }
        #expect(with("39999") { cache.value($0) } == 39_999)
        #expect(with("0") { cache.value($0) } == nil)
    }

    @Test func twoNamesAreNotOne() {
        let cache = ByteKeyedCache<String>()
        with("ab") { first in with("c") { cache.insert("ab c", first, $0) } }
        #expect(with("a") { first in with("bc") { cache.value(first, $0) } } == nil)
        #expect(with("ab") { first in with("c") { cache.value(first, $0) } } == "ab c")
    }
}
