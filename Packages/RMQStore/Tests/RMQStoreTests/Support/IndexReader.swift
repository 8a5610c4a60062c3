import Foundation
import Testing

/// Reads an index file by what `IndexFile` documents, with none of its code.
struct IndexReader {
    struct Entry: Equatable {
        var hash: Int32
        var offset: Int64
        var seconds: Int32
        var older: Int32
    }

    let bytes: [UInt8]
    let slotCount: Int
    var beginTimestamp: Int64 { number(0, 8) }
    var endTimestamp: Int64 { number(8, 8) }
    var beginOffset: Int64 { number(16, 8) }
    var endOffset: Int64 { number(24, 8) }
    var usedSlots: Int { Int(number(32, 4)) }
    var count: Int { Int(number(36, 4)) }

    init(_ path: String, slotCount: Int, entryCount: Int) throws {
        bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        self.slotCount = slotCount
        try #require(bytes.count == 40 + 4 * slotCount + 20 * entryCount)
        try #require((1...entryCount).contains(count))
    }

    private func number(_ position: Int, _ width: Int) -> Int64 {
        let value = bytes[position..<position + width].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return width == 4 ? Int64(Int32(bitPattern: UInt32(value))) : Int64(bitPattern: value)
    }

    func slot(_ index: Int) -> Int { Int(number(40 + 4 * index, 4)) }

    func entry(_ index: Int) -> Entry {
        let start = 40 + 4 * slotCount + 20 * index
        return Entry(
            hash: Int32(number(start, 4)), offset: number(start + 4, 8), seconds: Int32(number(start + 12, 4)), older: Int32(number(start + 16, 4)))
    }

    var entries: [Entry] { (1..<count).map(entry) }

    /// Offsets of the messages with a key, newest first.
    func offsets(_ topic: String, _ key: String) -> [Int64] {
        var hash: Int32 = 0
        for unit in "\(topic)#\(key)".utf16 { hash = hash &* 31 &+ Int32(unit) }
        let positive = hash == .min ? 0 : abs(hash)
        var found: [Int64] = []
        var next = slot(Int(positive) % slotCount)
        while next > 0 {
            let entry = entry(next)
            if entry.hash == positive { found.append(entry.offset) }
            next = Int(entry.older)
        }
        return found
    }

    func firstDifference(from other: IndexReader) -> Int? { zip(bytes, other.bytes).enumerated().first { $0.element.0 != $0.element.1 }?.offset }

    static func files(_ root: String) throws -> [String] {
        guard FileManager.default.fileExists(atPath: root + "/index") else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: root + "/index").sorted().map { root + "/index/" + $0 }
    }
}
