/// Numbers, flags, hours and log levels: the rows that a command may change while the program runs, where they say so.
extension Setting {
    /// A whole number.
    /// - Parameter unit: as the manual names it.
    public static func number<Value: FixedWidthInteger & Sendable>(
        _ key: String, _ place: any SettingPlace<Root, Value>, _ range: ClosedRange<Value>, unit: String = "",
        takesEffect: SettingChange = .atNextStart, onBadValue: BadSettingValue = .isReplaced, important: Bool = false, _ summary: String
    ) -> Setting {
        Setting(
            key: key, takesEffect: takesEffect, isImportant: important, onBadValue: onBadValue, allowed: words(range), unit: unit, summary: summary,
            place, parse: { number($0, within: range) }, print: { String($0) }, replacement: { nearest($0, range) })
    }

    /// A time, which a file gives as a whole number of units.
    public static func time(
        _ key: String, _ place: any SettingPlace<Root, Duration>, _ range: ClosedRange<Int64>, _ unit: TimeUnit,
        takesEffect: SettingChange = .atNextStart, onBadValue: BadSettingValue = .isReplaced, important: Bool = false, _ summary: String
    ) -> Setting {
        Setting(
            key: key, takesEffect: takesEffect, isImportant: important, onBadValue: onBadValue, allowed: words(range), unit: unit.rawValue,
            summary: summary, place, parse: { number($0, within: range).map { .milliseconds($0 * unit.milliseconds) } },
            print: { String($0.milliseconds / unit.milliseconds) }, replacement: { nearest($0, range) })
    }

    /// `true` or `false`, in any case. To the reference all that is not true is false, and so it is here, with a warning, unless what
    /// is off then is protection.
    public static func flag(
        _ key: String, _ place: any SettingPlace<Root, Bool>, takesEffect: SettingChange = .atNextStart, onBadValue: BadSettingValue = .isReplaced,
        important: Bool = false, _ summary: String
    ) -> Setting {
        Setting(
            key: key, takesEffect: takesEffect, isImportant: important, onBadValue: onBadValue, allowed: "true or false", unit: "", summary: summary,
            place, parse: flag, print: { String($0) }, replacement: { _ in "false" })
    }

    /// What is logged.
    public static func verbosity(
        _ key: String, _ place: any SettingPlace<Root, LogVerbosity>, takesEffect: SettingChange = .atNextStart, _ summary: String
    ) -> Setting {
        Setting(
            key: key, takesEffect: takesEffect, isImportant: false, onBadValue: .stopsTheStart,
            allowed: "DEBUG, INFO, WARN, ERROR or OFF, then category=level for single logs, separated by ;", unit: "", summary: summary, place,
            parse: LogVerbosity.init(parsing:), print: \.text)
    }

    /// Hours of the day, separated by semicolons.
    public static func hours(
        _ key: String, _ place: any SettingPlace<Root, [Int]>, takesEffect: SettingChange = .atNextStart, important: Bool = false, _ summary: String
    ) -> Setting {
        Setting(
            key: key, takesEffect: takesEffect, isImportant: important, onBadValue: .stopsTheStart, allowed: "hours from 0 to 23, several separated by ;",
            unit: "", summary: summary, place, parse: hours, print: { $0.map { Decimal.text($0, digits: 2) }.joined(separator: ";") })
    }
}

/// Texts: names, addresses, paths. None of these takes ``SettingChange``, so no command can ever change one.
extension Setting {
    /// A value that is a text, or is written as one. What is not allowed stops the start.
    /// - Parameters:
    ///   - allowed: in words that complete "allowed: …".
    ///   - parse: nil for a text that is not allowed. It gets the text as it is written, with blanks around it.
    public static func text<Value: Sendable>(
        _ key: String, _ place: any SettingPlace<Root, Value>, allowed: String, important: Bool = false, _ summary: String,
        parse: @escaping @Sendable (String) -> Value?, print: @escaping @Sendable (Value) -> String?
    ) -> Setting {
        Setting(
            key: key, takesEffect: .never, isImportant: important, onBadValue: .stopsTheStart, allowed: allowed, unit: "", summary: summary,
            place, parse: parse, print: print)
    }

    /// A name that others see.
    public static func name(_ key: String, _ place: any SettingPlace<Root, String>, important: Bool = false, _ summary: String) -> Setting {
        text(key, place, allowed: "1 to 127 bytes without control characters", important: important, summary) { text in
            let name = Configuration.trimmed(text)
            return (1...127).contains(name.utf8.count) && name.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control } ? name : nil
        } print: { $0 }
    }

    /// A word of visible ASCII characters.
    public static func word(_ key: String, _ place: any SettingPlace<Root, String>, important: Bool = false, _ summary: String) -> Setting {
        text(key, place, allowed: words, important: important, summary, parse: { word(Configuration.trimmed($0)) }, print: { $0 })
    }

    /// A host name or an IP address; one of version 6 may stand in brackets.
    public static func host(
        _ key: String, _ place: any SettingPlace<Root, String>, mayBeEmpty: Bool = false, important: Bool = false, _ summary: String
    ) -> Setting {
        text(key, place, allowed: mayBeEmpty ? words : "1 to 255 characters without blanks", important: important, summary) { text in
            let host = Configuration.trimmed(text)
            return mayBeEmpty || !host.isEmpty ? word(host.droppingBytePrefix("[")?.droppingByteSuffix("]") ?? host) : nil
        } print: { $0 }
    }

    /// A file or folder, as it is written: a blank at the end may be a part of its name.
    public static func path(_ key: String, _ place: any SettingPlace<Root, String>, important: Bool = false, _ summary: String) -> Setting {
        text(
            key, place, allowed: "a path of 1 to 1,024 bytes", important: important, summary, parse: { $0.isEmpty ? nil : path($0) }, print: { $0 })
    }

    /// Files or folders, separated by commas.
    public static func paths(_ key: String, _ place: any SettingPlace<Root, [String]>, important: Bool = false, _ summary: String) -> Setting {
        text(
            key, place, allowed: "paths separated by commas, up to 1,024 bytes", important: important, summary,
            parse: { path($0)?.split(ascii: ",") }, print: { $0.joined(separator: ",") })
    }

    /// One of the values that the type knows.
    public static func choice<Value: CaseIterable & RawRepresentable & Sendable>(
        _ key: String, _ place: any SettingPlace<Root, Value>, important: Bool = false, _ summary: String
    ) -> Setting where Value.RawValue == String {
        text(
            key, place, allowed: Value.allCases.map(\.rawValue).joined(separator: " or "), important: important, summary,
            parse: { Value(exactly: Configuration.trimmed($0)) }, print: { $0.rawValue })
    }
}

/// Keys that the program knows and does not act on.
extension Setting {
    /// A key whose default is the only value that the program can honour.
    public static func refused(_ key: String, only value: String, important: Bool = false, because reason: String) -> Setting {
        fixed(key, important, .refused(reason: reason), allowed: "\(value) (this program offers nothing else yet)") { _ in value }
    }

    /// A key that tunes something that does not exist here, or that other keys say.
    /// - Parameters:
    ///   - isTold: whether another value than what is shown is worth a warning.
    ///   - shown: what is true of the program; nil: no tool looks for the key.
    public static func withoutEffect(
        _ key: String, important: Bool = false, isTold: Bool = true, because reason: String, shown: @escaping @Sendable (Root) -> String?
    ) -> Setting {
        fixed(key, important, .withoutEffect(reason: reason, isTold: isTold), allowed: "anything", shown: shown)
    }

    /// Keys of one reason, each with what is shown for it.
    public static func withoutEffect(isTold: Bool = true, because reason: String, _ shown: KeyValuePairs<String, String>) -> [Setting] {
        shown.map { key, value in withoutEffect(key, isTold: isTold, because: reason) { _ in value } }
    }

    private static func fixed(
        _ key: String, _ isImportant: Bool, _ status: SettingStatus, allowed: String, shown: @escaping @Sendable (Root) -> String?
    ) -> Setting {
        Setting(
            key: key, takesEffect: .never, isImportant: isImportant, onBadValue: .stopsTheStart, status: status, allowed: allowed, unit: "",
            summary: "", read: shown, write: { _, _ in true }, copy: { _, _ in }, replacement: { _ in nil })
    }
}

/// Further facts of a row.
extension Setting {
    /// With the name that the key had up to release 4.5.1.
    public func formerly(_ name: String) -> Setting { changed { $0.oldName = name } }

    /// A value that is kept and shown, and no more.
    /// - Parameter isTold: whether another value than the default is worth a warning.
    public func withoutEffect(isTold: Bool = true, because reason: String) -> Setting {
        changed { $0.status = .withoutEffect(reason: reason, isTold: isTold) }
    }

    /// With words for a default that depends on the machine.
    public func defaulting(to words: String) -> Setting { changed { $0.defaultInWords = words } }

    /// Whose value nobody is to see: a password.
    public func secret() -> Setting { changed { $0.isSecret = true } }

    private func changed(_ change: (inout Setting) -> Void) -> Setting {
        var setting = self
        change(&setting)
        return setting
    }
}

/// A unit in which files give times.
public enum TimeUnit: String, Sendable {
    case milliseconds = "ms"
    case seconds = "s"
    case hours = "h"

    var milliseconds: Int64 {
        switch self {
        case .milliseconds: 1
        case .seconds: 1_000
        case .hours: 3_600_000
        }
    }
}

extension Setting {
    private init<Value: Sendable>(
        key: String, takesEffect: SettingChange, isImportant: Bool, onBadValue: BadSettingValue, allowed: String, unit: String, summary: String,
        _ place: any SettingPlace<Root, Value>, parse: @escaping @Sendable (String) -> Value?, print: @escaping @Sendable (Value) -> String?,
        replacement: @escaping @Sendable (String) -> String? = { _ in nil }
    ) {
        self.init(
            key: key, takesEffect: takesEffect, isImportant: isImportant, onBadValue: onBadValue, status: .honoured, allowed: allowed, unit: unit,
            summary: summary,
            read: { print($0[keyPath: place]) },
            write: { configuration, text in
                guard let value = parse(text) else { return false }
                configuration[keyPath: place] = value
                return true
            },
            copy: { $1[keyPath: place] = $0[keyPath: place] }, replacement: replacement)
    }

    private static var words: String { "up to 255 characters without blanks" }

    private static func words<Value: FixedWidthInteger>(_ range: ClosedRange<Value>) -> String {
        range.lowerBound == range.upperBound ? "\(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
    }

    private static func number<Value: FixedWidthInteger>(_ text: String, within range: ClosedRange<Value>) -> Value? {
        Value(Configuration.trimmed(text)).flatMap { range.contains($0) ? $0 : nil }
    }

    /// A number beyond the bounds is meant as far as it can be.
    private static func nearest<Value: FixedWidthInteger>(_ text: String, _ range: ClosedRange<Value>) -> String? {
        Int64(Configuration.trimmed(text)).map { $0 < range.lowerBound ? "\(range.lowerBound)" : "\(range.upperBound)" }
    }

    private static func flag(_ text: String) -> Bool? {
        switch ByteText(Configuration.trimmed(text).asciiLowercased) {
        case "true": true
        case "false": false
        default: nil
        }
    }

    private static func hours(_ text: String) -> [Int]? {
        let hours = Configuration.trimmed(text).split(ascii: ";").map { Int(Configuration.trimmed($0)) }
        guard !hours.isEmpty, hours.allSatisfy({ $0.map((0...23).contains) ?? false }) else { return nil }
        return hours.compactMap(\.self)
    }

    private static func word(_ text: String) -> String? {
        text.utf8.count <= 255 && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } ? text : nil
    }

    private static func path(_ text: String) -> String? { text.utf8.count <= 1_024 && !text.utf8.contains(0) ? text : nil }
}
