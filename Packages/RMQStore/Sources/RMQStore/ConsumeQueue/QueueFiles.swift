/// Which files a queue has, and which of them are mapped. Files follow each other without a gap, so two numbers tell.
struct QueueFiles {
    /// The byte offset in the queue at which the first file begins.
    private(set) var firstBase: Int64 = 0
    private(set) var count = 0
    /// Few: the one being written, and those being read.
    private(set) var mapped: [MappedFile] = []
    /// Somebody looked for a mapped file since the last sweep.
    var wasUsed = false
    /// The queue is among those that the sweep looks at.
    var isRegistered = false

    /// Where the file begins that holds a byte offset; nil without one.
    func base(holding byteOffset: Int64, fileBytes: Int) -> Int64? {
        guard byteOffset >= firstBase else { return nil }
        let index = (byteOffset - firstBase) / Int64(fileBytes)
        return index < Int64(count) ? firstBase + index * Int64(fileBytes) : nil
    }

    func mappedFile(base: Int64) -> MappedFile? {
        for file in mapped where file.baseOffset == base { return file }
        return nil
    }

    mutating func keep(_ file: MappedFile) {
        mapped.append(file)
        wasUsed = true
    }

    mutating func set(firstBase: Int64, count: Int) {
        self.firstBase = firstBase
        self.count = count
        mapped = []
    }

    /// A new file behind the last one, or the first one.
    mutating func append(_ file: MappedFile) {
        if count == 0 { firstBase = file.baseOffset }
        count += 1
        keep(file)
    }

    mutating func removeFirst(fileBytes: Int) {
        mapped.removeAll { $0.baseOffset == firstBase }
        firstBase += Int64(fileBytes)
        count -= 1
    }

    /// Keeps the first `kept` files.
    mutating func truncate(_ kept: Int, fileBytes: Int) {
        count = min(count, kept)
        mapped.removeAll { $0.baseOffset >= firstBase + Int64(count) * Int64(fileBytes) }
    }

    mutating func unmapAll() {
        mapped = []
        wasUsed = false
    }
}
