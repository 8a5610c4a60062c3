internal import Glibc

/// What stands in a place of an evaluation.
///
/// A text points into the message's properties or into the program; neither ends before the evaluation does.
enum SQLValue {
    case null
    case boolean(Bool)
    case int(Int32)
    case long(Int64)
    case double(Double)
    case text(UnsafeRawBufferPointer)

    /// With the opposite sign, if it is a number; NULL if not. The least number is its own opposite.
    var negated: SQLValue {
        switch self {
        case .int(let number): .int(0 &- number)
        case .long(let number): .long(0 &- number)
        case .double(let number): .double(-number)
        case .null, .boolean, .text: .null
        }
    }
}

/// How two values compare, neither of which is NULL.
///
/// The side that is a text becomes what the other side is: a number of its kind, or true or false. Numbers meet in the wider kind.
enum SQLComparison {
    enum Order { case before, same, after }

    /// Whether `=` holds. Two texts are equal if their bytes are.
    static func areEqual(_ left: SQLValue, _ right: SQLValue) throws(SQLEvaluationError) -> Bool {
        if case .text(let left) = left, case .text(let right) = right { return hasBytes(left, of: right) }
        return try order(left, right) == .same
    }

    /// The order of two values; two texts are floating-point numbers. What has no order, like a number and a condition, stands in the
    /// order in which it is written.
    static func order(_ left: SQLValue, _ right: SQLValue) throws(SQLEvaluationError) -> Order {
        switch (left, right) {
        case (.int(let left), .int(let right)): order(left, right)
        case (.int(let left), .long(let right)): order(Int64(left), right)
        case (.int(let left), .double(let right)): order(Double(left), right)
        case (.int(let left), .text(let right)): order(left, try int(right))
        case (.long(let left), .int(let right)): order(left, Int64(right))
        case (.long(let left), .long(let right)): order(left, right)
        case (.long(let left), .double(let right)): order(Double(left), right)
        case (.long(let left), .text(let right)): order(left, try long(right))
        case (.double(let left), .int(let right)): order(left, Double(right))
        case (.double(let left), .long(let right)): order(left, Double(right))
        case (.double(let left), .double(let right)): order(left, right)
        case (.double(let left), .text(let right)): order(left, try double(right))
        case (.text(let left), .int(let right)): order(try int(left), right)
        case (.text(let left), .long(let right)): order(try long(left), right)
        case (.text(let left), .double(let right)): order(try double(left), right)
        case (.text(let left), .text(let right)): order(try double(left), try double(right))
        case (.text(let left), .boolean(let right)): order(isTrue(left), right)
        case (.boolean(let left), .boolean(let right)): order(left, right)
        case (.boolean, .text): throw .conditionBesideText
        case (.boolean, _), (_, .boolean), (.null, _), (_, .null): .before
        }
    }

    private static func order<Number: BinaryInteger>(_ left: Number, _ right: Number) -> Order {
        left < right ? .before : left == right ? .same : .after
    }

    private static func order(_ left: Bool, _ right: Bool) -> Order { left == right ? .same : left ? .after : .before }

    /// All have an order here: -0.0 stands before 0.0, and what is not a number behind all that are.
    private static func order(_ left: Double, _ right: Double) -> Order {
        if left < right { return .before }
        if left > right { return .after }
        return order(bits(left), bits(right))
    }

    private static func bits(_ number: Double) -> Int64 { Int64(bitPattern: (number.isNaN ? .nan : number).bitPattern) }

    private static func int(_ text: UnsafeRawBufferPointer) throws(SQLEvaluationError) -> Int32 {
        guard let number = NumberText.int32(text) else { throw .notANumber }
        return number
    }

    private static func long(_ text: UnsafeRawBufferPointer) throws(SQLEvaluationError) -> Int64 {
        guard let number = NumberText.int64(text) else { throw .notANumber }
        return number
    }

    private static func double(_ text: UnsafeRawBufferPointer) throws(SQLEvaluationError) -> Double {
        guard let number = NumberText.double(text) else { throw .notANumber }
        return number
    }

    private static func isTrue(_ text: UnsafeRawBufferPointer) -> Bool {
        text.count == 4 && text[0] | 0x20 == UInt8(ascii: "t") && text[1] | 0x20 == UInt8(ascii: "r") && text[2] | 0x20 == UInt8(ascii: "u")
            && text[3] | 0x20 == UInt8(ascii: "e")
    }

    private static func hasBytes(_ left: UnsafeRawBufferPointer, of right: UnsafeRawBufferPointer) -> Bool {
        left.count == right.count && (left.isEmpty || memcmp(left.baseAddress!, right.baseAddress!, left.count) == 0)
    }
}
