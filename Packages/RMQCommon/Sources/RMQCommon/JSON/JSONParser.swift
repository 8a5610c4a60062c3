extension JSONValue {
    /// Objects and arrays within each other: more than any body needs, few enough for the stack of a loop's thread.
    public static let depthLimit = 64

    /// Reads a document in the tolerant dialect of the reference: keys may be unquoted, numbers or objects, quotes may be single,
    /// commas may trail, comments may stand between values, and `{"$ref":"$.path"}` stands for the value at that path. A byte order mark before the document and
    /// control characters between values are passed over: editors and C programs leave them there.
    public init(parsing bytes: [UInt8]) throws(JSONError) {
        self = try bytes.withUnsafeBytes { Result(parsing: $0) }.get()
    }

    /// Reads bytes that somebody else owns.
    /// - Throws: ``JSONError`` with the place of the first byte that does not fit.
    public init(parsing bytes: UnsafeRawBufferPointer) throws(JSONError) {
        self = try Result(parsing: bytes).get()
    }

    /// Reads a text.
    /// - Throws: ``JSONError`` with the place of the first byte that does not fit.
    public init(parsing text: String) throws(JSONError) { try self.init(parsing: [UInt8](text.utf8)) }
}

extension Result where Success == JSONValue, Failure == JSONError {
    fileprivate init(parsing bytes: UnsafeRawBufferPointer) {
        var parser = JSONParser(bytes: bytes)
        self.init { () throws(JSONError) in
            let value = try parser.document()
            return parser.sawReference ? try JSONReferences.resolve(value, byteCount: bytes.count) : value
        }
    }
}

/// A recursive-descent parser over borrowed bytes.
private struct JSONParser {
    let bytes: UnsafeRawBufferPointer
    var position = 0
    var sawReference = false

    mutating func document() throws(JSONError) -> JSONValue {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
        let result = try value(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw expected("the end") }
        return result
    }

    private func expected(_ what: String) -> JSONError { .malformed(at: position, expected: what) }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// Every control character is a blank, the NUL that ends a C string above all.
    private mutating func skipSpace() {
        while let byte = next {
            switch byte {
            case 0x00 ... 0x20, 0x7F: position += 1
            case UInt8(ascii: "/"): guard skipComment() else { return }
            default: return
            }
        }
    }

    /// Steps over `/* … */` or `// …` up to the end of its line; false where none begins, or one does not end.
    private mutating func skipComment() -> Bool {
        if take(word: "//") {
            while let byte = next, byte != 0x0A { position += 1 }
            return true
        }
        let start = position
        guard take(word: "/*") else { return false }
        while position < bytes.count {
            if take(word: "*/") { return true }
            position += 1
        }
        position = start
        return false
    }

    @inline(__always)
    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func take(word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard bytes.count - position >= count else { return false }
        for index in 0 ..< count where bytes[position + index] != word.utf8Start[index] { return false }
        position += count
        return true
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return .object(try object(depth: depth))
        case UInt8(ascii: "["): return .array(try array(depth: depth))
        case UInt8(ascii: "\""), UInt8(ascii: "'"): return .string(try string())
        case UInt8(ascii: "t") where take(word: "true"): return .bool(true)
        case UInt8(ascii: "f") where take(word: "false"): return .bool(false)
        case UInt8(ascii: "n") where take(word: "null"): return .null
        case UInt8(ascii: "u") where take(word: "undefined"): return .null
        case UInt8(ascii: "N") where take(word: "NaN"): return .null
        case let byte? where startsNumber(byte): return try number()
        default: throw expected("a value")
        }
    }

    private func startsNumber(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+") || UInt8(ascii: "0") ... UInt8(ascii: "9") ~= byte
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSONObject {
        guard depth < JSONValue.depthLimit else { throw .tooDeep(limit: JSONValue.depthLimit) }
        position += 1
        var object = JSONObject()
        while true {
            skipSpace()
            if take("}") { return object }
            if take(",") { continue }
            let key = try key(depth: depth)
            skipSpace()
            guard take(":") else { throw expected("':' after a key") }
            let value = try value(depth: depth + 1)
            if key == .string("$ref") { sawReference = true }
            object.append(key, value)
            skipSpace()
            guard take(",") || next == UInt8(ascii: "}") else { throw expected("',' or '}'") }
        }
    }

    private mutating func key(depth: Int) throws(JSONError) -> JSONValue {
        switch next {
        case UInt8(ascii: "\""), UInt8(ascii: "'"): return .string(try string())
        case UInt8(ascii: "{"): return .object(try object(depth: depth + 1))
        case UInt8(ascii: "["): return .array(try array(depth: depth + 1))
        case let byte? where startsNumber(byte): return try number()
        default:
            let start = position
            while let byte = next, isNamePart(byte) { position += 1 }
            guard position > start else { throw expected("a key") }
            return .string(String(decoding: bytes[start ..< position], as: UTF8.self))
        }
    }

    private func isNamePart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A") ... UInt8(ascii: "Z"), UInt8(ascii: "a") ... UInt8(ascii: "z"), UInt8(ascii: "0") ... UInt8(ascii: "9"),
            UInt8(ascii: "_"), UInt8(ascii: "$"): true
        default: false
        }
    }

    private mutating func array(depth: Int) throws(JSONError) -> [JSONValue] {
        guard depth < JSONValue.depthLimit else { throw .tooDeep(limit: JSONValue.depthLimit) }
        position += 1
        var elements: [JSONValue] = []
        while true {
            skipSpace()
            if take("]") { return elements }
            if take(",") { continue }
            elements.append(try value(depth: depth + 1))
            skipSpace()
            guard take(",") || next == UInt8(ascii: "]") else { throw expected("',' or ']'") }
        }
    }

    /// A number, also with a sign `+` or with the letter of a Java type behind it.
    ///
    /// What does not fit is an error only for whoever asks for it: an integer beyond 64 bits stays the text of its digits, and a
    /// fraction beyond all doubles is infinite.
    private mutating func number() throws(JSONError) -> JSONValue {
        let hasPlus = take("+")
        let start = position
        var isInteger = true
        var magnitude: Int64 = 0   // negative, so that Int64.min fits
        var overflows = false
        let negative = !hasPlus && take("-")
        while let byte = next {
            switch byte {
            case UInt8(ascii: "0") ... UInt8(ascii: "9"):
                let (product, first) = magnitude.multipliedReportingOverflow(by: 10)
                let (sum, second) = product.subtractingReportingOverflow(Int64(byte - UInt8(ascii: "0")))
                overflows = overflows || first || second
                magnitude = sum
            case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"), UInt8(ascii: "+"), UInt8(ascii: "-"): isInteger = false
            default: return try finish()
            }
            position += 1
        }
        return try finish()

        func finish() throws(JSONError) -> JSONValue {
            let digits = position - start - (negative ? 1 : 0)
            guard digits > 0 else { throw expected("a digit") }
            let text = bytes[start ..< position]
            skipTypeLetter()
            if isInteger, !overflows, negative || magnitude != .min { return .integer(negative ? magnitude : -magnitude) }
            let decoded = String(decoding: text, as: UTF8.self)
            if isInteger { return .string(decoded) }
            guard digits <= 400, let number = Double(decoded) else { throw expected("a number") }
            return .double(number)
        }
    }

    private mutating func skipTypeLetter() {
        switch next {
        case UInt8(ascii: "B"), UInt8(ascii: "S"), UInt8(ascii: "L"), UInt8(ascii: "F"), UInt8(ascii: "D"): position += 1
        default: break
        }
    }

    private mutating func string() throws(JSONError) -> String {
        let quote = bytes[position]
        position += 1
        let start = position
        while let byte = next, byte != quote, byte != UInt8(ascii: "\\") { position += 1 }
        guard let stop = next else { throw expected("the end of a string") }
        if stop == quote {
            defer { position += 1 }
            return String(decoding: bytes[start ..< position], as: UTF8.self)
        }
        var text = [UInt8](bytes[start ..< position])
        while let byte = next {
            position += 1
            if byte == quote { return String(decoding: text, as: UTF8.self) }
            if byte == UInt8(ascii: "\\") { try escape(into: &text) } else { text.append(byte) }
        }
        throw expected("the end of a string")
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONError) {
        guard let kind = next else { throw expected("an escape") }
        position += 1
        switch kind {
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "v"): text.append(0x0B)
        case UInt8(ascii: "0") ... UInt8(ascii: "7"): text.append(kind - UInt8(ascii: "0"))
        case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(kind)
        case UInt8(ascii: "x"): append(scalar: UInt32(try hex(digits: 2)), to: &text)
        case UInt8(ascii: "u"): try unicodeEscape(into: &text)
        default: throw expected("an escape")
        }
    }

    private mutating func unicodeEscape(into text: inout [UInt8]) throws(JSONError) {
        let first = try hex(digits: 4)
        guard 0xD800 ..< 0xDC00 ~= first, take(word: "\\u") else { return append(scalar: UInt32(first), to: &text) }
        let second = try hex(digits: 4)
        if 0xDC00 ..< 0xE000 ~= second {
            append(scalar: 0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00), to: &text)
        } else {
            append(scalar: UInt32(first), to: &text)
            append(scalar: UInt32(second), to: &text)
        }
    }

    /// A lone surrogate becomes U+FFFD.
    private func append(scalar: UInt32, to text: inout [UInt8]) {
        text.append(contentsOf: String(Unicode.Scalar(scalar) ?? "\u{FFFD}").utf8)
    }

    private mutating func hex(digits: Int) throws(JSONError) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0 ..< digits {
            guard let byte = next, let digit = Hex.value(of: byte) else { throw expected("a hexadecimal digit") }
            value = value << 4 | UInt16(digit)
            position += 1
        }
        return value
    }
}
