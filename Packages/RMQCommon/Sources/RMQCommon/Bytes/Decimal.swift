/// Numbers as text of a given width.
public enum Decimal {
    /// Zeros in front up to `digits`.
    public static func text(_ number: some BinaryInteger, digits: Int) -> String {
        let digitsOnly = String(number.magnitude)
        return (number < 0 ? "-" : "") + String(repeating: "0", count: max(0, digits - digitsOnly.utf8.count)) + digitsOnly
    }

    /// `1234.50` for two places, halves away from zero.
    public static func text(_ number: Double, places: Int) -> String {
        guard number.isFinite else { return number.isNaN ? "NaN" : number < 0 ? "-Infinity" : "Infinity" }
        var scale = 1.0
        for _ in 0 ..< places { scale *= 10 }
        let scaled = (number.magnitude * scale).rounded(.toNearestOrAwayFromZero)
        guard scaled < 9e18 else { return "\(number)" }
        let digits = text(UInt64(scaled), digits: places + 1).utf8
        let sign = number < 0 && scaled > 0 ? "-" : ""
        return places == 0 ? sign + String(digits) : "\(sign)\(Substring(digits.dropLast(places))).\(Substring(digits.suffix(places)))"
    }
}
