internal import Glibc

/// Reads a number from text as the reference's language does: what is no number there is none here.
///
/// | kind | text |
/// |---|---|
/// | integer | sign or none, digits of any script, nothing else, and in range |
/// | floating point | blanks at the ends; sign or none; digits with or without point and exponent, `0x1.8p3`, each perhaps with an `f` or `d`; `NaN`; `Infinity` |
enum NumberText {
    /// Longest text that is a number. The longest that a program writes has some 25 bytes; an expression may read one many times.
    static let byteLimit = 256

    /// A number of 32 bits.
    static func int32(_ text: UnsafeRawBufferPointer) -> Int32? { int64(text).flatMap { Int32(exactly: $0) } }

    /// A number of 64 bits.
    static func int64(_ text: UnsafeRawBufferPointer) -> Int64? {
        guard let first = text.first, text.count <= byteLimit else { return nil }
        let isNegative = first == minus
        var magnitude: UInt64 = 0
        var index = isNegative || first == plus ? 1 : 0
        guard index < text.count else { return nil }
        while index < text.count {
            let digit = text[index] &- zero
            guard digit <= 9 else { return text[index] < 0x80 ? nil : int64(ofAnyScript: text) }
            guard add(digit, to: &magnitude) else { return nil }
            index += 1
        }
        return signed(magnitude, isNegative)
    }

    /// The same for digits beyond ASCII, which must be those of the first 65,536 characters.
    private static func int64(ofAnyScript text: UnsafeRawBufferPointer) -> Int64? {
        var scalars = String(decoding: text, as: UTF8.self).unicodeScalars[...]
        let isNegative = scalars.first == "-"
        if isNegative || scalars.first == "+" { scalars = scalars.dropFirst() }
        var magnitude: UInt64 = 0
        for scalar in scalars {
            guard scalar.value <= 0xFFFF, scalar.properties.numericType == .decimal, let value = scalar.properties.numericValue,
                add(UInt8(value), to: &magnitude)
            else { return nil }
        }
        return scalars.isEmpty ? nil : signed(magnitude, isNegative)
    }

    private static func add(_ digit: UInt8, to magnitude: inout UInt64) -> Bool {
        let (tens, isOver) = magnitude.multipliedReportingOverflow(by: 10)
        let (sum, isSumOver) = tens.addingReportingOverflow(UInt64(digit))
        magnitude = sum
        return !isOver && !isSumOver
    }

    private static func signed(_ magnitude: UInt64, _ isNegative: Bool) -> Int64? {
        if isNegative { return magnitude <= 1 << 63 ? Int64(truncatingIfNeeded: 0 &- magnitude) : nil }
        return Int64(exactly: magnitude)
    }

    // MARK: Floating point

    /// A number of floating point, rounded to the nearest; beyond the greatest one infinite, below the least one 0.
    static func double(_ text: UnsafeRawBufferPointer) -> Double? {
        guard text.count <= byteLimit else { return nil }
        let text = trimmed(text)
        guard let first = text.first else { return nil }
        let isNegative = first == minus
        let start = isNegative || first == plus ? 1 : 0
        guard let magnitude = magnitude(UnsafeRawBufferPointer(rebasing: text[start...])) else { return nil }
        return isNegative ? -magnitude : magnitude
    }

    private static func magnitude(_ text: UnsafeRawBufferPointer) -> Double? {
        switch text.first {
        case UInt8(ascii: "N"): return text.elementsEqual("NaN".utf8) ? .nan : nil
        case UInt8(ascii: "I"): return text.elementsEqual("Infinity".utf8) ? .infinity : nil
        case zero? where text.count > 1 && text[1] | 0x20 == UInt8(ascii: "x"): return hexadecimal(text)
        default: return decimal(text)
        }
    }

    /// Digits, a point somewhere before, among or behind them, an exponent, a letter for the kind; only a digit must be there.
    private static func decimal(_ text: UnsafeRawBufferPointer) -> Double? {
        var parts = NumberParts()
        var index = 0
        while index < text.count, parts.take(text[index]) { index += 1 }
        guard parts.digits > 0 else { return nil }
        var exponent: Int? = 0
        if index < text.count, text[index] | 0x20 == UInt8(ascii: "e") { exponent = self.exponent(text, &index) }
        guard let exponent, ends(text, index) else { return nil }
        return parts.exact(exponent) ?? rounded(text, to: index)
    }

    /// `0x`, hexadecimal digits with a point or without, and an exponent of 2, which must be there.
    private static func hexadecimal(_ text: UnsafeRawBufferPointer) -> Double? {
        var index = 2
        var digits = 0
        var hasPoint = false
        while index < text.count {
            if text[index] == point, !hasPoint { hasPoint = true } else if isxdigit(Int32(text[index])) != 0 { digits += 1 } else { break }
            index += 1
        }
        guard digits > 0, index < text.count, text[index] | 0x20 == UInt8(ascii: "p"), exponent(text, &index) != nil, ends(text, index)
        else { return nil }
        return rounded(text, to: index)
    }

    /// The exponent whose letter stands at `index`, which moves behind it; nil without a digit. Ten thousand is as good as more.
    private static func exponent(_ text: UnsafeRawBufferPointer, _ index: inout Int) -> Int? {
        index += 1
        let isNegative = index < text.count && text[index] == minus
        if index < text.count, isNegative || text[index] == plus { index += 1 }
        let start = index
        var exponent = 0
        while index < text.count, text[index] &- zero <= 9 {
            exponent = min(exponent * 10 + Int(text[index] &- zero), 10_000)
            index += 1
        }
        return index > start ? (isNegative ? -exponent : exponent) : nil
    }

    /// Whether nothing follows but a letter for the kind.
    private static func ends(_ text: UnsafeRawBufferPointer, _ index: Int) -> Bool {
        guard index < text.count else { return true }
        let letter = text[index] | 0x20
        return index == text.count - 1 && (letter == UInt8(ascii: "f") || letter == UInt8(ascii: "d"))
    }

    /// What the C library makes of so many bytes, which are a number for it, too. No program here sets a locale, so the point is a point.
    private static func rounded(_ text: UnsafeRawBufferPointer, to end: Int) -> Double {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: byteLimit + 1) { copy in
            for index in 0..<end { copy.initializeElement(at: index, to: CChar(bitPattern: text[index])) }
            copy.initializeElement(at: end, to: 0)
            return strtod(copy.baseAddress!, nil)
        }
    }

    /// Without blanks and control characters at its ends.
    private static func trimmed(_ text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var text = text[...]
        while let first = text.first, first <= 0x20 { text.removeFirst() }
        while let last = text.last, last <= 0x20 { text.removeLast() }
        return UnsafeRawBufferPointer(rebasing: text)
    }

    fileprivate static let zero = UInt8(ascii: "0")
    fileprivate static let point = UInt8(ascii: ".")
    private static let plus = UInt8(ascii: "+")
    private static let minus = UInt8(ascii: "-")
}

/// The digits of a decimal number as they are read.
private struct NumberParts {
    private(set) var digits = 0
    private var digitsBehindPoint = 0
    private var hasPoint = false
    private var mantissa: UInt64 = 0

    /// - Returns: false for what is neither a digit nor the first point.
    mutating func take(_ byte: UInt8) -> Bool {
        if byte == NumberText.point, !hasPoint {
            hasPoint = true
            return true
        }
        let digit = byte &- NumberText.zero
        guard digit <= 9 else { return false }
        digits += 1
        if hasPoint { digitsBehindPoint += 1 }
        // More than 2 to the power of 53 is not exact, and is never looked at.
        if mantissa <= 1 << 53 { mantissa = mantissa * 10 + UInt64(digit) }
        return true
    }

    /// The number if both its digits and its power of ten have no error: then their product has that of one rounding.
    func exact(_ exponent: Int) -> Double? {
        let exponent = exponent - digitsBehindPoint
        guard mantissa <= 1 << 53, abs(exponent) <= 22 else { return mantissa == 0 ? 0 : nil }
        var power = 1.0
        for _ in 0..<abs(exponent) { power *= 10 }
        return exponent < 0 ? Double(mantissa) / power : Double(mantissa) * power
    }
}
