/// Numbers in the form that Java prints.
public enum JSONNumber {
    /// `0.0`, `1.25`, `1.0E10`: plain from 10^-3 up to 10^7, with an exponent outside; `null` for what JSON cannot write.
    public static func text(_ number: Double) -> String {
        guard number.isFinite else { return "null" }
        guard number != 0 else { return number.sign == .minus ? "-0.0" : "0.0" }
        let (digits, exponent) = shortestDigits(of: number.magnitude)
        let sign = number < 0 ? "-" : ""
        if exponent > 7 || exponent < -2 {
            let fraction = digits.count > 1 ? String(decoding: digits.dropFirst(), as: UTF8.self) : "0"
            return "\(sign)\(Unicode.Scalar(digits[0])).\(fraction)E\(exponent - 1)"
        }
        var whole: [UInt8] = []
        var fraction: [UInt8] = []
        if exponent > 0 {
            whole = Array(digits.prefix(exponent)) + Array(repeating: UInt8(ascii: "0"), count: max(0, exponent - digits.count))
            fraction = Array(digits.dropFirst(exponent))
        } else {
            whole = [UInt8(ascii: "0")]
            fraction = Array(repeating: UInt8(ascii: "0"), count: -exponent) + digits
        }
        if fraction.isEmpty { fraction = [UInt8(ascii: "0")] }
        return "\(sign)\(String(decoding: whole, as: UTF8.self)).\(String(decoding: fraction, as: UTF8.self))"
    }

    /// The fewest digits that read back as `number`, with the exponent of 0.ddd × 10^exponent.
    private static func shortestDigits(of number: Double) -> (digits: [UInt8], exponent: Int) {
        var digits: [UInt8] = []
        var exponent = 0
        var sawPoint = false
        let parts = "\(number)".split(ascii: "e")
        for byte in parts[0].utf8 {
            if byte == UInt8(ascii: ".") {
                sawPoint = true
            } else {
                digits.append(byte)
                if !sawPoint { exponent += 1 }
            }
        }
        if parts.count > 1 { exponent += Int(parts[1]) ?? 0 }
        let zeros = digits.prefix { $0 == UInt8(ascii: "0") }.count
        digits.removeFirst(zeros)
        exponent -= zeros
        while digits.count > 1, digits.last == UInt8(ascii: "0") { digits.removeLast() }
        return (digits, exponent)
    }
}
