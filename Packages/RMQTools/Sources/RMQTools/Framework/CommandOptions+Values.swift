import RMQCommon

extension CommandOptions {
    /// A whole number within bounds, without them one that `T` can hold; `fallback` when the option is absent.
    func integer<T: FixedWidthInteger>(
        _ short: Unicode.Scalar, or fallback: T, within range: ClosedRange<T> = T.min...T.max
    ) throws(CommandFailure) -> T {
        guard let text = self[short] else { return fallback }
        guard let number = T(text), range.contains(number) else {
            throw .usage("-\(short) takes a whole number from \(range.lowerBound) to \(range.upperBound), not \"\(text)\".")
        }
        return number
    }

    /// `true` in any case of letters is true, everything else false, as in the reference.
    func truth(_ short: Unicode.Scalar, or fallback: Bool) -> Bool {
        self[short].map { $0.isExactlyIgnoringCase("true") } ?? fallback
    }
}
