import RMQCommon

extension CommandOptions {
    /// A whole number; `fallback` when the option is absent.
    func integer<T: FixedWidthInteger>(_ short: Unicode.Scalar, or fallback: T) throws(CommandFailure) -> T {
        guard let text = self[short] else { return fallback }
        guard let number = T(text) else {
            throw .usage("-\(short) takes a whole number from \(T.min) to \(T.max), not \"\(text)\".")
        }
        return number
    }

    /// `true` in any case of letters is true, everything else false, as in the reference.
    func truth(_ short: Unicode.Scalar, or fallback: Bool) -> Bool {
        self[short].map { $0.isExactlyIgnoringCase("true") } ?? fallback
    }
}
