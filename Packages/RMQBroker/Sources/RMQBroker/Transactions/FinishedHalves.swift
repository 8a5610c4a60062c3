/// Which half messages were committed or rolled back, by their queue offsets: a bit each, so that a second end of a transaction changes
/// nothing and the check passes over it.
///
///     forgotten │ swept, still known │ to be swept │ end of the queue
///     ──────────┼────────────────────┼─────────────┤
///               base                 swept
///
/// A transaction that was asked about has several records. It is known by its origin, the first of them (``HalfMessage/origin``),
/// and may end long after that was swept: such origins are remembered one by one.
struct FinishedHalves {
    enum Begin { case begun, finished, busy }

    /// 8 KiB a chunk.
    private static let chunkBits: Int64 = 65_536
    /// 268 million half messages that wait to be swept, 32 MiB of bits. Beyond that the oldest are forgotten, and asked about again.
    private static let mostChunks = 4_096
    /// Half messages behind those to be swept whose second end is still recognised: 128 KiB of bits.
    private static let lookBack: Int64 = 1 << 20
    /// Origins behind that: as many transactions as are asked about at once in a bad hour, 2 MB.
    private static let originLimit = 65_536

    /// The offset of the first bit, a multiple of the chunks' size.
    private var base: Int64
    /// An empty one has no bit set.
    private var chunks: [[UInt64]] = []
    /// All half messages before are swept.
    private var swept: Int64
    /// Transactions of which an end is being written.
    private var inWork: Set<Int64> = []
    private var origins: Set<Int64> = []
    /// `origins` in the order of their coming, and where the next one replaces the oldest.
    private var originOrder: [Int64] = []
    private var nextOrigin = 0

    /// - Parameter swept: how far the check is.
    init(swept: Int64 = 0) {
        self.swept = swept
        base = Self.chunkStart(swept - Self.lookBack)
    }

    /// Whether the half message is known to be committed or rolled back.
    func isFinished(_ offset: Int64) -> Bool {
        guard offset >= base else { return origins.contains(offset) }
        let bit = offset - base
        let index = Int(bit / Self.chunkBits)
        guard index < chunks.count, !chunks[index].isEmpty else { return false }
        return chunks[index][Int(bit % Self.chunkBits / 64)] & 1 << UInt64(bit % 64) != 0
    }

    /// Notes that it is.
    mutating func insert(_ offset: Int64) {
        guard offset >= base else { return insertOrigin(offset) }
        var index = Int((offset - base) / Self.chunkBits)
        if index >= Self.mostChunks {
            let dropped = index - Self.mostChunks + 1
            chunks.removeFirst(min(dropped, chunks.count))
            base += Int64(dropped) * Self.chunkBits
            index -= dropped
        }
        while chunks.count <= index { chunks.append([]) }
        if chunks[index].isEmpty { chunks[index] = [UInt64](repeating: 0, count: Int(Self.chunkBits / 64)) }
        chunks[index][Int((offset - base) % Self.chunkBits / 64)] |= 1 << UInt64((offset - base) % 64)
        if offset < swept { insertOrigin(offset) }
    }

    private mutating func insertOrigin(_ offset: Int64) {
        guard origins.insert(offset).inserted else { return }
        if originOrder.count < Self.originLimit {
            originOrder.append(offset)
        } else {
            origins.remove(originOrder[nextOrigin])
            originOrder[nextOrigin] = offset
            nextOrigin = (nextOrigin + 1) % Self.originLimit
        }
    }

    // MARK: Ending a transaction

    /// Asks to end the transaction of a half message; whoever begins it tells how it went.
    mutating func begin(_ offset: Int64, origin: Int64) -> Begin {
        if isFinished(origin) || isFinished(offset) { return .finished }
        return inWork.insert(origin).inserted ? .begun : .busy
    }

    /// Ends that were begun before all this was read go on.
    mutating func takeOverWork(of previous: FinishedHalves) { inWork = previous.inWork }

    mutating func end(_ offset: Int64, origin: Int64, isStored: Bool) {
        inWork.remove(origin)
        guard isStored else { return }
        insert(offset)
        insert(origin)
    }

    // MARK: Sweeping

    /// The first half message in a range that is not known to be finished; the range's end if all are.
    func firstUnfinished(in range: Range<Int64>) -> Int64 {
        var offset = range.lowerBound
        while offset < range.upperBound, isFinished(offset) {
            offset += isWordFull(at: offset) ? 64 : 1
        }
        return min(offset, range.upperBound)
    }

    /// Whether a finished half message is the first of a word of them.
    private func isWordFull(at offset: Int64) -> Bool {
        let bit = offset - base
        return bit >= 0 && bit % 64 == 0 && chunks[Int(bit / Self.chunkBits)][Int(bit % Self.chunkBits / 64)] == .max
    }

    /// The check has come this far.
    mutating func sweep(to offset: Int64) {
        swept = offset
        let kept = Self.chunkStart(offset - Self.lookBack)
        guard kept > base else { return }
        chunks.removeFirst(min(Int((kept - base) / Self.chunkBits), chunks.count))
        base = kept
    }

    private static func chunkStart(_ offset: Int64) -> Int64 { max(0, offset) / chunkBits * chunkBits }
}
