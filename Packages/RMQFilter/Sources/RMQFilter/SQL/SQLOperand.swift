/// What is known, while an expression is compiled, of a part of it whose instructions were emitted last.
struct SQLOperand {
    enum Kind: Equatable {
        case property
        case number(SQLNumber)
        case text
        /// TRUE or FALSE as it is written.
        case truth
        /// NULL as it is written.
        case null
        /// Something behind a minus: a number, or NULL.
        case negation
        /// Something that is true, false or NULL for each message.
        case condition
    }

    var kind: Kind
    /// Where it begins, for errors.
    var token: SQLToken
}

/// A number as it is written in an expression, never below 0.
enum SQLNumber: Equatable {
    case int(Int32)
    case long(Int64)
    case double(Double)

    /// The number that a token is; nil when there is none of that size. A number that fits 32 bits has 32, even with an `L` behind it.
    init?(_ token: ArraySlice<UInt8>, isFloat: Bool) {
        let digits = token.last.map { $0 | 0x20 == UInt8(ascii: "l") } ?? false ? token.dropLast() : token
        if isFloat {
            guard let number = digits.withUnsafeBytes({ NumberText.double($0) }), number.isFinite, number > 0 else { return nil }
            self = .double(number)
        } else {
            guard let number = digits.withUnsafeBytes({ NumberText.int64($0) }) else { return nil }
            self = Int32(exactly: number).map { .int($0) } ?? .long(number)
        }
    }

    /// What pushes it.
    var instruction: SQLInstruction {
        switch self {
        case .int(let number): .int(number)
        case .long(let number): .long(number)
        case .double(let number): .double(number)
        }
    }

    /// Whether it is greater than another one, compared as an evaluation does.
    func isGreater(than other: SQLNumber) -> Bool { (try? SQLComparison.order(value, other.value)) == .after }

    private var value: SQLValue {
        switch self {
        case .int(let number): .int(number)
        case .long(let number): .long(number)
        case .double(let number): .double(number)
        }
    }
}
