import RMQCommon

/// The language that a peer says it is written in.
///
/// The protocol has no code for Swift, so our own commands say ``other``. An open set: a number or a name from
/// a newer peer must not fail a command.
public struct LanguageCode: RawRepresentable, Hashable, Sendable {
    public var rawValue: UInt8

    @inlinable public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// The reference's own.
    public static let java = LanguageCode(rawValue: 0)
    /// C++, and what is built on it.
    public static let cpp = LanguageCode(rawValue: 1)
    /// .NET.
    public static let dotnet = LanguageCode(rawValue: 2)
    /// Python without the C++ client.
    public static let python = LanguageCode(rawValue: 3)
    /// Of the reference's list; no client is known.
    public static let delphi = LanguageCode(rawValue: 4)
    /// Erlang.
    public static let erlang = LanguageCode(rawValue: 5)
    /// Ruby.
    public static let ruby = LanguageCode(rawValue: 6)
    /// What has no number of its own.
    public static let other = LanguageCode(rawValue: 7)
    /// A proxy that speaks HTTP.
    public static let http = LanguageCode(rawValue: 8)
    /// Go.
    public static let go = LanguageCode(rawValue: 9)
    /// PHP.
    public static let php = LanguageCode(rawValue: 10)
    /// The OpenMessaging interface of the reference.
    public static let oms = LanguageCode(rawValue: 11)
    /// Rust.
    public static let rust = LanguageCode(rawValue: 12)
    /// A language name that the protocol does not know; written as ``other``.
    public static let unknown = LanguageCode(rawValue: 0xFF)
}

extension LanguageCode: CustomStringConvertible {
    /// The code of a name such as `JAVA`, in any letter case; nil for a name outside the protocol's table.
    public init?(name: String) {
        guard let code = Self.code(name.asciiUppercased) else { return nil }
        self = code
    }

    private static func code(_ name: String) -> LanguageCode? {
        switch ByteText(name) {
        case "JAVA": .java
        case "CPP": .cpp
        case "DOTNET": .dotnet
        case "PYTHON": .python
        case "DELPHI": .delphi
        case "ERLANG": .erlang
        case "RUBY": .ruby
        case "OTHER": .other
        case "HTTP": .http
        case "GO": .go
        case "PHP": .php
        case "OMS": .oms
        case "RUST": .rust
        default: nil
        }
    }

    /// The name on the wire. A code without a name is written as `OTHER`.
    public var description: String {
        switch self {
        case .java: "JAVA"
        case .cpp: "CPP"
        case .dotnet: "DOTNET"
        case .python: "PYTHON"
        case .delphi: "DELPHI"
        case .erlang: "ERLANG"
        case .ruby: "RUBY"
        case .http: "HTTP"
        case .go: "GO"
        case .php: "PHP"
        case .oms: "OMS"
        case .rust: "RUST"
        default: "OTHER"
        }
    }
}
