/// One step of a compiled expression, which works on a stack of values.
enum SQLInstruction: Equatable, Sendable {
    // Push a value.
    case property(Int)
    case text(Int)
    case int(Int32)
    case long(Int64)
    case double(Double)
    case boolean(Bool)
    case null

    // Replace the value on top.
    case negate
    case not
    case isNull
    /// A text is FALSE, NULL stays NULL.
    case condition
    /// Whether a text is in a list of the program.
    case isIn(Int)

    // Replace the two values on top, of which the right one is above the left one.
    case equal
    case less, lessOrEqual, greater, greaterOrEqual
    case and, or

    // Go on elsewhere, and leave the stack as it is, when the value on top is this.
    case skipIfNull(Int)
    case skipIfFalse(Int)
    case skipIfTrue(Int)

    // The two of BETWEEN, which reads its value once: on top is what its first bound says, below is the value once more. Drops the value and
    // goes on elsewhere when the first bound says this, else exchanges the two.
    case settleIfFalse(Int)
    case settleIfTrue(Int)
    /// Pushes the value on top once more.
    case duplicate
}

extension SQLInstruction {
    /// By how much the stack is higher behind the instruction than before it.
    var growth: Int {
        switch self {
        case .property, .text, .int, .long, .double, .boolean, .null, .duplicate: 1
        case .negate, .not, .isNull, .condition, .isIn, .skipIfNull, .skipIfFalse, .skipIfTrue, .settleIfFalse, .settleIfTrue: 0
        case .equal, .less, .lessOrEqual, .greater, .greaterOrEqual, .and, .or: -1
        }
    }
}

/// A compiled expression: a value that threads share.
struct SQLProgram: Sendable {
    let instructions: [SQLInstruction]
    let texts: SQLTexts
    /// The lists behind IN.
    let lists: [Range<Int>]
    /// The properties that the expression names, a list of texts. `.property(n)` is the n-th of them.
    let names: Range<Int>
    /// Bit n is set when a name has n bytes; the last bit stands for all longer ones.
    let nameLengths: UInt64
    /// Whether these are at most four, none of them for longer names.
    let hasFewLengths: Bool
    /// As many values as the stack ever holds.
    let stackHeight: Int
}

/// Collects the instructions of an expression while it is read.
struct SQLProgramBuilder {
    private var instructions: [SQLInstruction] = []
    private var texts = SQLTexts()
    private var lists: [Range<Int>] = []
    /// The names in the order in which the text has them first.
    private var names: [[UInt8]] = []
    private var numbers: [[UInt8]: Int] = [:]
    private var height = 0
    private var stackHeight = 0

    /// Where the next instruction will stand.
    var next: Int { instructions.count }

    mutating func emit(_ instruction: SQLInstruction) {
        instructions.append(instruction)
        height += instruction.growth
        stackHeight = max(stackHeight, height)
    }

    mutating func emitProperty(_ name: [UInt8]) {
        let number = numbers[name] ?? names.count
        if number == names.count {
            names.append(name)
            numbers[name] = number
        }
        emit(.property(number))
    }

    mutating func emitText(_ text: [UInt8]) {
        emit(.text(texts.count))
        texts.append(text)
    }

    mutating func emitIsIn(_ list: [[UInt8]]) {
        emit(.isIn(lists.count))
        lists.append(texts.append(list: list))
    }

    /// Leaves room for an instruction that goes on further behind.
    /// - Returns: its place, for ``land(_:_:)``.
    mutating func reserve() -> Int {
        instructions.append(.skipIfNull(next))
        return instructions.count - 1
    }

    /// Makes the instruction at a reserved place one that goes on here.
    mutating func land(_ place: Int, _ instruction: (Int) -> SQLInstruction) { instructions[place] = instruction(next) }

    /// The program of what was emitted.
    consuming func finished() -> SQLProgram {
        assert(height == 1, "an expression leaves one value")
        let order = names.indices.sorted { SQLTexts.precedes(names[$0], names[$1]) }
        var sortedNumbers = [Int](repeating: 0, count: names.count)
        for (sorted, number) in order.enumerated() { sortedNumbers[number] = sorted }
        for place in instructions.indices {
            if case .property(let number) = instructions[place] { instructions[place] = .property(sortedNumbers[number]) }
        }
        let list = texts.append(list: names)
        let lengths = names.reduce(0) { $0 | SQLProgram.bit(ofLength: $1.count) }
        return SQLProgram(
            instructions: instructions, texts: texts, lists: lists, names: list,
            nameLengths: lengths, hasFewLengths: lengths.nonzeroBitCount <= 4 && lengths >> 63 == 0, stackHeight: stackHeight)
    }
}

extension SQLProgram {
    /// The bit of ``nameLengths`` for a name of so many bytes.
    static func bit(ofLength count: Int) -> UInt64 { 1 << UInt64(min(count, 63)) }
}
