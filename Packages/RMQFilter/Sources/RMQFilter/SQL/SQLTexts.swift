internal import Glibc

/// The texts of a compiled expression: the names of its properties, its literals, and the lists behind IN.
///
/// All bytes lie one behind the other. A list is a range of texts in the order of their lengths and, of one length, of their bytes, so
/// that a text is found in it by halving.
struct SQLTexts: Sendable {
    private(set) var bytes: [UInt8] = []
    private(set) var places: [Range<Int>] = []

    /// How many texts there are; the number of the next one.
    var count: Int { places.count }

    mutating func append(_ text: some Collection<UInt8>) {
        places.append(bytes.count ..< bytes.count + text.count)
        bytes += text
    }

    /// Adds the texts as a list.
    /// - Returns: their numbers.
    mutating func append(list texts: [[UInt8]]) -> Range<Int> {
        let first = count
        for text in texts.sorted(by: Self.precedes) { append(text) }
        return first..<count
    }

    /// The order of a list.
    static func precedes(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count ? left.lexicographicallyPrecedes(right) : left.count < right.count
    }

    /// The number of an equal text in a list; nil when there is none.
    @inline(__always)
    func find(_ text: UnsafeRawBufferPointer, in list: Range<Int>) -> Int? {
        var low = list.lowerBound
        var high = list.upperBound
        while low < high {
            let middle = (low &+ high) >> 1
            let order = self.order(of: text, to: places[middle])
            if order == 0 { return middle }
            if order > 0 { low = middle &+ 1 } else { high = middle }
        }
        return nil
    }

    private func order(of text: UnsafeRawBufferPointer, to place: Range<Int>) -> Int {
        guard text.count == place.count else { return text.count - place.count }
        guard let base = text.baseAddress, !place.isEmpty else { return 0 }
        return bytes.withUnsafeBytes { Int(memcmp(base, $0.baseAddress! + place.lowerBound, place.count)) }
    }
}
