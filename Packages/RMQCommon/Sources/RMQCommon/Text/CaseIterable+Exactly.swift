extension CaseIterable where Self: RawRepresentable<String> {
    /// The case whose text has these bytes. `init(rawValue:)` would take a text that only looks like it.
    public init?(exactly text: String) {
        guard let found = Self.allCases.first(where: { $0.rawValue.isExactly(text) }) else { return nil }
        self = found
    }
}
