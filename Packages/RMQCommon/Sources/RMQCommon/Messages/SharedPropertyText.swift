/// The properties of several messages that came together: their bytes one after the other, and the pairs that all of them have.
///
/// A message that is kept keeps the properties of its neighbours, too, which ``RecordBatch`` bounds; bodies are not among them.
///
/// Unchecked `Sendable`: bytes are added by the one who reads the messages, before anybody else has them.
final class SharedPropertyText: @unchecked Sendable {
    private var bytes: [UInt8] = []
    /// They count more than what stands in the bytes under the same name.
    private let common: [MessageProperties.Element]

    init(common: [MessageProperties.Element]) { self.common = common }

    var byteCount: Int { bytes.count }

    /// Adds the properties of the next message.
    func add(_ properties: UnsafeRawBufferPointer) -> Part {
        let start = bytes.count
        bytes.append(contentsOf: properties)
        return Part(self, start..<bytes.count)
    }

    /// The properties of one of the messages.
    struct Part: Sendable {
        private let text: SharedPropertyText
        private let start: Int32
        private let count: Int32

        fileprivate init(_ text: SharedPropertyText, _ range: Range<Int>) {
            self.text = text
            start = Int32(range.lowerBound)
            count = Int32(range.count)
        }

        func value(of name: String) -> String? {
            if let pair = text.common.last(where: { $0.name.isExactly(name) }) { return pair.value }
            var name = name   // native already: `withUTF8` copies nothing
            return name.withUTF8 { name in
                withBytes { bytes in
                    var found: UnsafeRawBufferPointer?
                    for pair in PropertyText.pairs(in: bytes) { found = pair.value(of: name) ?? found }
                    return found.map { String(decoding: $0, as: UTF8.self) }
                }
            }
        }

        var pairs: [MessageProperties.Element] {
            var pairs = withBytes { MessageProperties.pairs(decoding: $0) }
            for (name, value) in text.common { pairs.set(name, value) }
            return pairs
        }

        private func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
            text.bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[Int(start)..<Int(start) + Int(count)])) }
        }
    }
}
