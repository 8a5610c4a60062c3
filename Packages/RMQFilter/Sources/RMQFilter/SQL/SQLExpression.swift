/// A SQL92 filter expression, compiled once and shared between threads.
///
///     let wanted = try SQLExpression("price > 20 AND colour IN ('red', 'blue')")
///     wanted.matches(properties)      // the property text of a message, as it lies in the commit log
///
/// An expression knows a message by its properties, which are texts; a name without a property is NULL. Conditions have three values:
/// what compares NULL is NULL, NOT NULL is NULL, `FALSE AND NULL` is FALSE, `TRUE OR NULL` is TRUE.
///
/// | what | how |
/// |---|---|
/// | operators, loosest first | `OR`; `AND`; `=` `<>` `IS [NOT] NULL`; `<` `<=` `>` `>=` `[NOT] BETWEEN` `[NOT] IN`; `+` `-` `NOT` |
/// | numbers | `20` has 32 bits if it fits, else 64; `20.0`, `.5`, `2e1` have floating point, and are not 0 |
/// | a property beside a number | is read as a number of that kind: for `price > 20` a price of 3.5 is no number, for `price > 20.0` it is one |
/// | two properties | `=` and `<>` compare their texts, the others their floating-point numbers |
/// | a property beside `TRUE` or `FALSE` | is true if it is `true` in any case; on the right of `=` only |
/// | a property alone | is never TRUE |
/// | keywords | in any case; names are exact: `[A-Za-z_$][A-Za-z0-9_$]*` |
/// | texts | `'red'`; a quote inside is doubled |
/// | comments | `/* … */`, and `-- …` up to a line end |
///
/// Two things surprise, and are as in the reference. `NOT` binds closer than a comparison: write `NOT (a = 1)`. What follows a complete
/// expression is ignored, so that `a = 1 LIMIT 2` is `a = 1`.
public final class SQLExpression: Sendable {
    /// The expression as it was written.
    public let text: String
    let program: SQLProgram

    /// Longest text that is compiled. A pull may carry one, and is handled where nothing may take long; matching takes as long as the
    /// text at most.
    public static let byteLimit = 65_536
    /// Parentheses inside of each other. What reads them recurses, and a stack ends; no hand writes so many.
    public static let nestingLimit = 256

    /// Compiles `text`.
    /// - Throws: where it cannot be read, or what cannot be compared, and what is allowed there.
    public init(_ text: String) throws(SQLExpressionError) {
        program = try SQLParser.compile(text)
        self.text = text
    }

    /// Whether a message is wanted: only TRUE is. Neither NULL is, nor a message whose properties cannot be compared as the expression
    /// says. Allocates nothing; any thread, at any time.
    /// - Parameter properties: the message's property text (`PropertyText` of RMQCommon); broken pairs are passed over.
    public func matches(_ properties: UnsafeRawBufferPointer) -> Bool { program.run(properties) == .isTrue }

    /// What the expression is for a message.
    func evaluate(_ properties: UnsafeRawBufferPointer) -> SQLResult { program.run(properties) }
}

extension SQLExpression: CustomStringConvertible {
    public var description: String { text }
}

/// What an expression is for one message.
enum SQLResult: Equatable {
    case isTrue, isFalse, isNull
    case failed(SQLEvaluationError)
}

/// Why an expression has no value for a message.
enum SQLEvaluationError: Error, Equatable {
    /// A text has to be compared as a number of 32 or 64 bits or of floating point, and is not one.
    case notANumber
    /// A condition stands on the left of a text: `TRUE = colour`.
    case conditionBesideText
}
