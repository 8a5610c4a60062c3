import RMQTestSupport

/// Makes expressions, most of which can be compiled, and spoils them.
struct SQLExpressionMaker {
    private var random: SeededRandom
    private var text: [UInt8] = []

    init(_ random: SeededRandom) { self.random = random }

    private static func words(_ words: [String]) -> [[UInt8]] { words.map { Array($0.utf8) } }

    private let names = words(["a", "b", "c", "TAGS", "price", "$x_1"])
    private let numbers = words([
        "0", "1", "2", "10", "3L", "2147483647", "2147483648", "9223372036854775807", "9223372036854775808", "1.0", "2.", ".5",
        "1e3", "1E-3", "0.0", "1e309", "007",
    ])
    private let texts = words(["'x'", "'1'", "'true'", "''", "'it''s'", "'上海'", "'2.0'"])
    private let constants = words(["TRUE", "FALSE", "NULL", "true", "Null"])
    private let ordered = words([" < ", " <= ", ">", " >= "])
    private let tokens = words([
        "(", ")", ",", "+", "-", "=", "<>", "<", "<=", ">", ">=", "NOT", "AND", "OR", "BETWEEN", "IN", "IS", "NULL", "TRUE", "FALSE",
        "a", "b", "1", "2.5", "'x'", "--", "/*", "*/", "'", "\n", ".", "!", "e", "L", "''", " ", "\u{0}", "ü", "😀", "\u{301}",
    ])
    private let values = words([
        "0", "1", "2", "10", "-1", "+2", "3.5", "x", "true", "FALSE", "2147483648", "9223372036854775808", " 1", "NaN", "Infinity", "1e3", "0x1p1", "it's",
        "上海", "٣", "-0.0", "1e-400", "0.1000000000000000055511151231257827", "", "\u{1}",
    ])

    /// A number below `count`.
    mutating func below(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }

    private mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
    private mutating func add(_ words: [[UInt8]]) { text += words[below(words.count)] }
    private mutating func add(_ word: StaticString) { text += UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount) }

    /// Along the grammar; what it compares may not be comparable.
    mutating func expression() -> [UInt8] {
        text.removeAll(keepingCapacity: true)
        addOr(2)
        return text
    }

    /// Tokens in any order.
    mutating func tokenSoup() -> [UInt8] {
        text.removeAll(keepingCapacity: true)
        for _ in 0...below(12) {
            add(tokens)
            if chance(40) { add(" ") }
        }
        return text
    }

    /// Bytes taken out, put in, changed or repeated.
    mutating func spoiled(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0...below(3) {
            let place = below(bytes.count + 1)
            let end = min(bytes.count, place + below(8))
            switch below(5) {
            case 0: bytes.removeSubrange(place..<end)
            case 1: bytes.insert(contentsOf: tokens[below(tokens.count)], at: place)
            case 2: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
            case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
            default: bytes.removeSubrange(place...)
            }
        }
        return bytes
    }

    /// A message's properties, now and then with broken pairs.
    mutating func properties() -> [UInt8] {
        text.removeAll(keepingCapacity: true)
        for name in names where chance(60) {
            text += name
            if !chance(2) { text.append(1) }
            add(values)
            if !chance(2) { text.append(2) }
        }
        return text
    }

    // MARK: The grammar

    private mutating func addOr(_ depth: Int) {
        addAnd(depth)
        while chance(20) { add(" OR "); addAnd(depth) }
    }

    private mutating func addAnd(_ depth: Int) {
        addEquality(depth)
        while chance(25) { add(" AND "); addEquality(depth) }
    }

    private mutating func addEquality(_ depth: Int) {
        addComparison(depth)
        while chance(35) {
            switch below(4) {
            case 0: add(" = "); addComparison(depth)
            case 1: add(" <> "); addComparison(depth)
            case 2: add(" IS NULL")
            default: add(" IS NOT NULL")
            }
        }
    }

    private mutating func addComparison(_ depth: Int) {
        switch below(10) {
        case 0..<4: addNumber(depth); add(ordered); addNumber(depth)
        case 4:
            addNumber(depth)
            if chance(40) { add(" NOT") }
            add(" BETWEEN ")
            addNumber(depth)
            add(" AND ")
            addNumber(depth)
        case 5:
            add(names)
            if chance(40) { add(" NOT") }
            add(" IN (")
            add(texts)
            while chance(60) { add(", "); add(texts) }
            add(")")
        default: addUnary(depth)
        }
    }

    private mutating func addNumber(_ depth: Int) {
        switch below(10) {
        case 0..<5: add(names)
        case 5..<9: add(numbers)
        default: addUnary(depth)
        }
    }

    private mutating func addUnary(_ depth: Int) {
        while chance(15) {
            switch below(3) {
            case 0: add("- ")
            case 1: add("+")
            default: add("NOT ")
            }
        }
        switch below(10) {
        case 0..<4: add(names)
        case 4, 5: add(numbers)
        case 6: add(texts)
        case 7: add(constants)
        default:
            guard depth > 0 else { return add(names) }
            add("(")
            addOr(depth - 1)
            add(")")
        }
    }
}
