/// Compiles the text of an expression: reads along the grammar, one function a rule, and emits instructions as it goes.
///
///     selector    = or                      the token that follows is looked at and must be readable; what else follows is not
///     or          = and { OR and }
///     and         = equality { AND equality }
///     equality    = comparison { "=" comparison | "<>" comparison | IS [NOT] NULL }
///     comparison  = unary { ( "<" | "<=" | ">" | ">=" ) unary | [NOT] BETWEEN unary AND unary | [NOT] IN "(" string { "," string } ")" }
///     unary       = { "+" | "-" | NOT } primary
///     primary     = string | decimal | float | TRUE | FALSE | NULL | property | "(" or ")"
struct SQLParser {
    private var scanner: SQLScanner
    /// The token that is looked at, and not yet taken.
    private var token: SQLToken
    private var program = SQLProgramBuilder()
    private var nesting = 0

    /// The program of an expression.
    static func compile(_ text: String) throws(SQLExpressionError) -> SQLProgram {
        let count = text.utf8.count
        guard count <= SQLExpression.byteLimit else {
            throw SQLExpressionError(reason: .tooLong(bytes: count, limit: SQLExpression.byteLimit), line: 1, column: 1, token: "")
        }
        return try compile(Array(text.utf8))
    }

    /// The same for bytes, which may be no text; of any length.
    static func compile(_ bytes: [UInt8]) throws(SQLExpressionError) -> SQLProgram {
        var parser = try SQLParser(bytes)
        let whole = try parser.readOr()
        try parser.makeCondition(whole)
        return parser.program.finished()
    }

    private init(_ bytes: [UInt8]) throws(SQLExpressionError) {
        scanner = SQLScanner(bytes)
        token = try scanner.next()
    }

    // MARK: Conditions

    private mutating func readOr() throws(SQLExpressionError) -> SQLOperand {
        var left = try readAnd()
        while token.kind == .or {
            try makeCondition(left)
            let skip = program.reserve()
            try advance()
            try makeCondition(try readAnd())
            program.emit(.or)
            program.land(skip) { .skipIfTrue($0) }
            left.kind = .condition
        }
        return left
    }

    private mutating func readAnd() throws(SQLExpressionError) -> SQLOperand {
        var left = try readEquality()
        while token.kind == .and {
            try makeCondition(left)
            let skip = program.reserve()
            try advance()
            try makeCondition(try readEquality())
            program.emit(.and)
            program.land(skip) { .skipIfFalse($0) }
            left.kind = .condition
        }
        return left
    }

    /// Has something that is true, false or NULL on the stack for an operand that was read last.
    private mutating func makeCondition(_ operand: SQLOperand) throws(SQLExpressionError) {
        switch operand.kind {
        case .condition, .truth, .null: break
        case .property: program.emit(.condition)
        case .number, .text, .negation: throw scanner.error(.notACondition, at: operand.token.range)
        }
    }

    private mutating func readEquality() throws(SQLExpressionError) -> SQLOperand {
        var left = try readComparison()
        while true {
            switch token.kind {
            case .equal, .notEqual:
                let isNegated = token.kind == .notEqual
                try advance()
                let right = try readComparison()
                try checkEquality(left, right)
                program.emit(.equal)
                if isNegated { program.emit(.not) }
            case .is:
                try advance()
                let isNegated = try take(.not)
                try expect(.null, isNegated ? "NULL" : "NULL or NOT NULL")
                program.emit(.isNull)
                if isNegated { program.emit(.not) }
            default: return left
            }
            left.kind = .condition
        }
    }

    private func checkEquality(_ left: SQLOperand, _ right: SQLOperand) throws(SQLExpressionError) {
        if left.kind == .null { throw scanner.error(.nullCompared, at: left.token.range) }
        if right.kind == .null { throw scanner.error(.nullCompared, at: right.token.range) }
        guard left.kind == .truth else { return }
        switch right.kind {
        case .number, .text: throw scanner.error(.truthCompared, at: left.token.range)
        case .property, .truth, .null, .negation, .condition: return
        }
    }

    // MARK: Comparisons

    private mutating func readComparison() throws(SQLExpressionError) -> SQLOperand {
        var left = try readUnary()
        while true {
            switch token.kind {
            case .less: try readOrdered(left, .less)
            case .lessOrEqual: try readOrdered(left, .lessOrEqual)
            case .greater: try readOrdered(left, .greater)
            case .greaterOrEqual: try readOrdered(left, .greaterOrEqual)
            case .between: try readBetween(left, isNegated: false)
            case .in: try readIn(left, isNegated: false)
            case .not:
                try advance()
                switch token.kind {
                case .between: try readBetween(left, isNegated: true)
                case .in: try readIn(left, isNegated: true)
                default: throw unexpected("BETWEEN or IN behind NOT")
                }
            default: return left
            }
            left.kind = .condition
        }
    }

    private mutating func readOrdered(_ left: SQLOperand, _ comparison: SQLInstruction) throws(SQLExpressionError) {
        try checkOrdered(left)
        try advance()
        // NULL on the left is NULL, even where the right side has no value.
        let skip = program.reserve()
        try checkOrdered(try readUnary())
        program.emit(comparison)
        program.land(skip) { .skipIfNull($0) }
    }

    /// `v BETWEEN a AND b` is `v >= a AND v <= b`, and NOT BETWEEN is `v < a OR v > b`, with the value read once: a value can hold another
    /// BETWEEN, and a program that repeats it would double with each.
    private mutating func readBetween(_ value: SQLOperand, isNegated: Bool) throws(SQLExpressionError) {
        try checkOrdered(value)
        try advance()
        let skip = program.reserve()
        program.emit(.duplicate)
        let low = try readUnary()
        try checkOrdered(low)
        program.emit(isNegated ? .less : .greaterOrEqual)
        let settled = program.reserve()
        try expect(.and, "AND and the upper bound")
        let high = try readUnary()
        try checkOrdered(high)
        program.emit(isNegated ? .greater : .lessOrEqual)
        program.emit(isNegated ? .or : .and)
        program.land(settled) { isNegated ? .settleIfTrue($0) : .settleIfFalse($0) }
        program.land(skip) { .skipIfNull($0) }
        if !isNegated { try checkRange(low, high) }
    }

    private func checkRange(_ low: SQLOperand, _ high: SQLOperand) throws(SQLExpressionError) {
        guard case .number(let first) = low.kind, case .number(let last) = high.kind else { return }
        guard first.isGreater(than: last) else { return }
        throw scanner.error(.emptyRange(low: text(low.token), high: text(high.token)), at: low.token.range)
    }

    private mutating func readIn(_ left: SQLOperand, isNegated: Bool) throws(SQLExpressionError) {
        guard left.kind == .property else { throw scanner.error(.notAProperty, at: left.token.range) }
        try advance()
        try expect(.open, "( and texts behind IN")
        var list: [[UInt8]] = []
        repeat {
            guard token.kind == .string else { throw unexpected("a text, as 'red'") }
            list.append(unquoted(token))
            try advance()
        } while try take(.comma)
        try expect(.close, ", or )")
        program.emitIsIn(list)
        if isNegated { program.emit(.not) }
    }

    private func checkOrdered(_ operand: SQLOperand) throws(SQLExpressionError) {
        switch operand.kind {
        case .number, .property, .negation: return
        case .text, .truth, .null, .condition: throw scanner.error(.notOrdered, at: operand.token.range)
        }
    }

    // MARK: Operands

    private mutating func readUnary() throws(SQLExpressionError) -> SQLOperand {
        let first = token
        var signs: [SQLToken.Kind] = []
        while token.kind == .plus || token.kind == .minus || token.kind == .not {
            signs.append(token.kind)
            try advance()
        }
        var operand = try readPrimary()
        for sign in signs.reversed() {
            switch sign {
            case .minus:
                program.emit(.negate)
                operand.kind = .negation
            case .not:
                try makeCondition(operand)
                program.emit(.not)
                operand.kind = .condition
            default: break
            }
        }
        if !signs.isEmpty { operand.token = first }
        return operand
    }

    private mutating func readPrimary() throws(SQLExpressionError) -> SQLOperand {
        let first = token
        switch first.kind {
        case .string: program.emitText(unquoted(first))
        case .identifier: program.emitProperty(Array(scanner.bytes[first.range]))
        case .true, .false: program.emit(.boolean(first.kind == .true))
        case .null: program.emit(.null)
        case .decimal, .float: return try readNumber()
        case .open: return try readParentheses()
        default: throw unexpected("a property, a number, a 'text', TRUE, FALSE, NULL or (")
        }
        try advance()
        let kind: SQLOperand.Kind = switch first.kind {
        case .string: .text
        case .identifier: .property
        case .null: .null
        default: .truth
        }
        return SQLOperand(kind: kind, token: first)
    }

    private mutating func readNumber() throws(SQLExpressionError) -> SQLOperand {
        let first = token
        guard let number = SQLNumber(scanner.bytes[first.range], isFloat: first.kind == .float) else {
            let allowed = first.kind == .float ? "4.9E-324 to 1.7976931348623157E308" : "0 to 9223372036854775807"
            throw scanner.error(.outOfRange(allowed: allowed), at: first.range)
        }
        program.emit(number.instruction)
        try advance()
        return SQLOperand(kind: .number(number), token: first)
    }

    private mutating func readParentheses() throws(SQLExpressionError) -> SQLOperand {
        guard nesting < SQLExpression.nestingLimit else { throw scanner.error(.tooDeep(limit: SQLExpression.nestingLimit), at: token.range) }
        nesting += 1
        try advance()
        let inner = try readOr()
        try expect(.close, ") or an operator")
        nesting -= 1
        return inner
    }

    // MARK: Tokens

    private mutating func advance() throws(SQLExpressionError) { token = try scanner.next() }

    /// Takes the token if it is of that kind.
    private mutating func take(_ kind: SQLToken.Kind) throws(SQLExpressionError) -> Bool {
        guard token.kind == kind else { return false }
        try advance()
        return true
    }

    private mutating func expect(_ kind: SQLToken.Kind, _ allowed: String) throws(SQLExpressionError) {
        guard try take(kind) else { throw unexpected(allowed) }
    }

    private func unexpected(_ allowed: String) -> SQLExpressionError { scanner.error(.unexpected(allowed: allowed), at: token.range) }

    private func text(_ token: SQLToken) -> String { String(decoding: scanner.bytes[token.range].prefix(64), as: UTF8.self) }

    /// The bytes of a text: without its quotes, and each doubled one once.
    private func unquoted(_ token: SQLToken) -> [UInt8] {
        var bytes: [UInt8] = []
        var isSecond = false
        for byte in scanner.bytes[token.range].dropFirst().dropLast() {
            isSecond = byte == UInt8(ascii: "'") && !isSecond
            if byte != UInt8(ascii: "'") || isSecond { bytes.append(byte) }
        }
        return bytes
    }
}
