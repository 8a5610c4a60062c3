/// A word, a literal or a sign of an expression.
struct SQLToken: Equatable {
    enum Kind: Equatable, Sendable {
        case not, and, or, between, `in`, `true`, `false`, null, `is`
        case decimal, float, string, identifier
        case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
        case open, close, comma, plus, minus
        case end
    }

    let kind: Kind
    /// Where it stands in the bytes of the text.
    let range: Range<Int>
}

extension SQLToken.Kind {
    /// The keyword that a word is, in whatever case it is written.
    init?(keyword word: ArraySlice<UInt8>) {
        let found = Self.keywords.first { keyword, _ in
            keyword.utf8CodeUnitCount == word.count
                && zip(word, UnsafeBufferPointer(start: keyword.utf8Start, count: word.count)).allSatisfy { $0 | 0x20 == $1 }
        }
        guard let found else { return nil }
        self = found.1
    }

    private static let keywords: [(StaticString, SQLToken.Kind)] = [
        ("not", .not), ("and", .and), ("or", .or), ("between", .between), ("in", .in), ("true", .true), ("false", .false), ("null", .null),
        ("is", .is),
    ]
}
