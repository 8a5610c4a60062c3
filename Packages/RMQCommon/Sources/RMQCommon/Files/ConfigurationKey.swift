/// A setting: its name in configuration files, what it may be, and its default.
///
///     static let port = ConfigurationKey.integer("listenPort", default: 10911, in: 0...65535)
public struct ConfigurationKey<Value: Sendable>: Sendable {
    public let name: String
    public let fallback: Value
    /// What is allowed, in words that complete "must be …".
    public let allowed: String
    let parse: @Sendable (String) -> Value?

    /// - Parameter parse: nil for a text that is not allowed.
    public init(_ name: String, default fallback: Value, allowed: String, parse: @escaping @Sendable (String) -> Value?) {
        self.name = name
        self.fallback = fallback
        self.allowed = allowed
        self.parse = parse
    }
}

extension ConfigurationKey where Value: FixedWidthInteger {
    public static func integer(_ name: String, default fallback: Value, in range: ClosedRange<Value> = .min ... .max) -> ConfigurationKey {
        ConfigurationKey(name, default: fallback, allowed: "a whole number from \(range.lowerBound) to \(range.upperBound)") { text in
            Value(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }
}

extension ConfigurationKey where Value == Double {
    public static func number(_ name: String, default fallback: Double, in range: ClosedRange<Double>) -> ConfigurationKey {
        ConfigurationKey(name, default: fallback, allowed: "a number from \(range.lowerBound) to \(range.upperBound)") { text in
            Double(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }
}

extension ConfigurationKey where Value == Bool {
    public static func flag(_ name: String, default fallback: Bool) -> ConfigurationKey {
        ConfigurationKey(name, default: fallback, allowed: "true or false") { text in
            switch ByteText(text.asciiLowercased) {
            case "true": true
            case "false": false
            default: nil
            }
        }
    }
}

extension ConfigurationKey where Value == String {
    public static func text(_ name: String, default fallback: String) -> ConfigurationKey {
        ConfigurationKey(name, default: fallback, allowed: "a text") { $0 }
    }
}

extension ConfigurationKey where Value == Duration {
    /// A time that the file gives in whole milliseconds.
    public static func milliseconds(_ name: String, default fallback: Duration, in range: ClosedRange<Int64>) -> ConfigurationKey {
        ConfigurationKey(name, default: fallback, allowed: "milliseconds from \(range.lowerBound) to \(range.upperBound)") { text in
            Int64(text).flatMap { range.contains($0) ? .milliseconds($0) : nil }
        }
    }
}

extension ConfigurationKey where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
    public static func choice(_ name: String, default fallback: Value) -> ConfigurationKey {
        ConfigurationKey(name, default: fallback, allowed: "one of " + Value.allCases.map(\.rawValue).joined(separator: ", ")) {
            Value(exactly: $0)
        }
    }
}
