/// Cuts the text of an expression into tokens, each the longest that can begin where the one before ended.
struct SQLScanner {
    let bytes: [UInt8]
    private var position = 0
    /// Set as soon as no line ends behind the position. Else a text of many `-` would be searched once for each.
    private var isLastLine = false

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The next token; `.end` again and again at the end.
    mutating func next() throws(SQLExpressionError) -> SQLToken {
        try skipBlanks()
        let start = position
        guard start < bytes.count else { return SQLToken(kind: .end, range: start..<start) }
        let (kind, end) = try token(at: start)
        position = end
        return SQLToken(kind: kind, range: start..<end)
    }

    private func token(at start: Int) throws(SQLExpressionError) -> (SQLToken.Kind, end: Int) {
        switch character(start) {
        case "(": return (.open, start + 1)
        case ")": return (.close, start + 1)
        case ",": return (.comma, start + 1)
        case "+": return (.plus, start + 1)
        case "-": return (.minus, start + 1)
        case "=": return (.equal, start + 1)
        case "<" where character(start + 1) == ">": return (.notEqual, start + 2)
        case "<": return character(start + 1) == "=" ? (.lessOrEqual, start + 2) : (.less, start + 1)
        case ">": return character(start + 1) == "=" ? (.greaterOrEqual, start + 2) : (.greater, start + 1)
        case "'": return (.string, try stringEnd(start))
        case "0"..."9": return number(at: start)
        case "." where Self.isDigit(character(start + 1)): return (.float, fractionEnd(start))
        case let first where Self.beginsWord(first):
            let end = self.end(of: start) { Self.beginsWord($0) || Self.isDigit($0) }
            return (SQLToken.Kind(keyword: bytes[start..<end]) ?? .identifier, end)
        default: throw error(.unreadable, at: start..<characterEnd(start))
        }
    }

    // MARK: Blanks and comments

    private mutating func skipBlanks() throws(SQLExpressionError) {
        while position < bytes.count {
            switch character(position) {
            case " ", "\t", "\n", "\r", "\u{C}": position += 1
            case "-" where character(position + 1) == "-" && !isLastLine:
                let lineEnd = end(of: position) { $0 != "\n" && $0 != "\r" }
                // Without a line end it is no comment, but two signs.
                guard lineEnd < bytes.count else { isLastLine = true; return }
                position = lineEnd
            case "/" where character(position + 1) == "*": position = try commentEnd(position)
            default: return
            }
        }
    }

    private func commentEnd(_ start: Int) throws(SQLExpressionError) -> Int {
        var index = start + 2
        while index + 1 < bytes.count {
            if character(index) == "*", character(index + 1) == "/" { return index + 2 }
            index += 1
        }
        throw error(.unclosed(by: "*/"), at: start..<bytes.count)
    }

    // MARK: Literals

    /// A text that is cut off behind a doubled quote ends at the first of the two: the longest token there.
    private func stringEnd(_ start: Int) throws(SQLExpressionError) -> Int {
        var index = start + 1
        var lastQuote: Int?
        while index < bytes.count {
            if character(index) == "'" {
                guard character(index + 1) == "'" else { return index + 1 }
                lastQuote = index
                index += 1
            }
            index += 1
        }
        guard let lastQuote else { throw error(.unclosed(by: "the closing quote"), at: start..<bytes.count) }
        return lastQuote + 1
    }

    /// A number without a point and an exponent has no leading zeros: `007` is three numbers.
    private func number(at start: Int) -> (SQLToken.Kind, end: Int) {
        let end = self.end(of: start, while: Self.isDigit)
        if character(end) == "." { return (.float, fractionEnd(end)) }
        if let exponent = exponentEnd(end) { return (.float, exponent) }
        if character(start) == "0" { return (.decimal, start + 1) }
        return (.decimal, character(end) == "l" || character(end) == "L" ? end + 1 : end)
    }

    /// The end of a number whose point stands at `point`.
    private func fractionEnd(_ point: Int) -> Int {
        let end = self.end(of: point + 1, while: Self.isDigit)
        return exponentEnd(end) ?? end
    }

    /// The end of an exponent that begins at `start`, if one does.
    private func exponentEnd(_ start: Int) -> Int? {
        guard character(start) == "e" || character(start) == "E" else { return nil }
        let digits = character(start + 1) == "+" || character(start + 1) == "-" ? start + 2 : start + 1
        let end = self.end(of: digits, while: Self.isDigit)
        return end > digits ? end : nil
    }

    // MARK: Bytes

    /// The byte at a place as the ASCII character that it is; NUL, which no token has, behind the end.
    private func character(_ index: Int) -> Unicode.Scalar { Unicode.Scalar(index < bytes.count ? bytes[index] : 0) }

    private func end(of start: Int, while belongs: (Unicode.Scalar) -> Bool) -> Int {
        var index = start
        while index < bytes.count, belongs(character(index)) { index += 1 }
        return index
    }

    private func characterEnd(_ start: Int) -> Int { end(of: start + 1) { $0.value & 0xC0 == 0x80 } }

    private static func isDigit(_ character: Unicode.Scalar) -> Bool { ("0"..."9").contains(character) }

    private static func beginsWord(_ character: Unicode.Scalar) -> Bool {
        switch character {
        case "a"..."z", "A"..."Z", "_", "$": true
        default: false
        }
    }

    /// What is wrong with the bytes of a range.
    func error(_ reason: SQLExpressionError.Reason, at range: Range<Int>) -> SQLExpressionError {
        let before = bytes[..<range.lowerBound]
        let lineStart = before.lastIndex(of: Self.lineFeed).map { $0 + 1 } ?? 0
        return SQLExpressionError(
            reason: reason,
            line: before.count { $0 == Self.lineFeed } + 1,
            column: before[lineStart...].count { $0 & 0xC0 != 0x80 } + 1,
            token: String(decoding: bytes[range].prefix(64), as: UTF8.self))
    }

    private static let lineFeed = UInt8(ascii: "\n")
}
