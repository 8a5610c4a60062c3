import RMQCommon
import RMQFilter
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct BloomFilterTests {
    /// Bit maps and `consumerFilter.json` hold these numbers, so each has to be the reference's.
    @Test func sizesAndPositionsAreThoseOfTheReference() throws {
        var rows = 0
        for line in try GoldenData.lines("filter/bloom.tsv").map({ String(decoding: $0, as: UTF8.self) }) where !line.hasBytePrefix("#") {
            let columns = line.split(ascii: "\t", keepingEmpty: true)
            let filter = try #require(BloomFilter(errorPercent: Int(columns[0])!, expectedNames: Int(columns[1])!), "\(line)")
            #expect(filter.hashCount == Int(columns[2]), "\(line)")
            #expect(filter.bitCount == Int(columns[3]), "\(line)")
            #expect(filter.positions(of: columns[4]) == columns[5].split(ascii: ",").map { Int32($0)! }, "\(line)")
            rows += 1
        }
        #expect(rows > 700)
    }

    @Test func aRecordedConsumerHasThePositionsThatItWasRecordedWith() throws {
        let filter = try #require(BloomFilter(errorPercent: 20, expectedNames: 32))
        #expect(filter.bitCount == 112)
        #expect(filter.positions(of: "golden_sql_consumer#GoldenPlain") == [0, 79, 96])
    }

    @Test(arguments: [(0, 32), (100, 32), (-1, 32), (20, 0), (20, -1), (1, Int(Int32.max)), (1, Int.max), (Int.min, Int.min)])
    func whatCannotBeCountedIsRefused(_ errorPercent: Int, _ expectedNames: Int) {
        #expect(BloomFilter(errorPercent: errorPercent, expectedNames: expectedNames) == nil)
    }

    @Test func equalParametersMakeEqualFilters() {
        #expect(BloomFilter(errorPercent: 10, expectedNames: 20) == BloomFilter(errorPercent: 10, expectedNames: 20))
        #expect(BloomFilter(errorPercent: 10, expectedNames: 20) != BloomFilter(errorPercent: 12, expectedNames: 20))
        #expect(BloomFilter(errorPercent: 10, expectedNames: 20) != BloomFilter(errorPercent: 10, expectedNames: 30))
    }

    @Test func aBitLiesWhereTheReferencePutsIt() {
        var bits = BloomBits(bitCount: 112)
        bits.set([0, 79, 96])
        #expect(bits.bytes == [1, 0, 0, 0, 0, 0, 0, 0, 0, 128, 0, 0, 1, 0])
        #expect(bits.contains([0, 79, 96]))
        #expect(bits.contains([96]))
        #expect(!bits.contains([0, 79, 95]))
        #expect(bits.bytes.withUnsafeBytes { BloomBits.contains([0, 79], in: $0) })
        #expect(BloomBits(bits.bytes) == bits)
        #expect(!bits.isEmpty)
    }

    @Test func aLengthIsRoundedUpToBytes() {
        #expect(BloomBits(bitCount: 0).bytes.isEmpty)
        #expect(BloomBits(bitCount: 9).bitCount == 16)
        #expect(BloomBits(bitCount: 16).isEmpty)
    }

    @Test(arguments: [[-1], [16], [Int32.max], [Int32.min]] as [[Int32]])
    func aPositionOutsideOfTheMapSaysNothing(_ positions: [Int32]) {
        var bits = BloomBits(bitCount: 16)
        bits.set(positions)
        #expect(bits.isEmpty)
        #expect(bits.contains(positions))
        #expect(!bits.contains(positions + [3]))
    }

    @Test func aNameIsAlwaysFoundAndOthersSeldom() throws {
        let filter = try #require(BloomFilter(errorPercent: 10, expectedNames: 128))
        var bits = BloomBits(bitCount: filter.bitCount)
        for number in 0..<128 { bits.set(filter.positions(of: "group\(number)#topic")) }
        for number in 0..<128 { #expect(bits.contains(filter.positions(of: "group\(number)#topic"))) }
        let wrong = (0..<10_000).count { bits.contains(filter.positions(of: "other\($0)#topic")) }
        #expect(wrong < 2_000, "\(wrong) of 10,000, for an error rate of 10 %")
    }
}
