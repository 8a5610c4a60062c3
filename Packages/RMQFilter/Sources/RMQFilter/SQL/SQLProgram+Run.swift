internal import Glibc
internal import RMQCommon

extension SQLProgram {
    /// What the expression is for a message with these properties.
    ///
    /// Takes as long as the text of the expression and the properties together. What it needs lies on the thread's stack, unless the
    /// expression names dozens of properties.
    func run(_ properties: UnsafeRawBufferPointer) -> SQLResult {
        withUnsafeTemporaryAllocation(of: SQLValue.self, capacity: names.count + stackHeight) { memory in
            memory.initialize(repeating: .null)
            find(properties, UnsafeMutableBufferPointer(rebasing: memory[..<names.count]))
            return texts.bytes.withUnsafeBytes { bytes in
                var stack = SQLStack(UnsafeMutableBufferPointer(rebasing: memory[names.count...]))
                do throws(SQLEvaluationError) {
                    try run(UnsafeBufferPointer(rebasing: memory[..<names.count]), bytes, &stack)
                } catch {
                    return .failed(error)
                }
                return stack.result
            }
        }
    }

    /// One walk over the properties for all names. Of several with one name the last one counts, and one without a value does not.
    private func find(_ properties: UnsafeRawBufferPointer, _ values: UnsafeMutableBufferPointer<SQLValue>) {
        for pair in PropertyText.pairs(in: properties) {
            guard let count = nameCount(of: pair.bytes), count < pair.bytes.count - 1,
                let text = texts.find(UnsafeRawBufferPointer(rebasing: pair.bytes[..<count]), in: names)
            else { continue }
            values[text - names.lowerBound] = .text(UnsafeRawBufferPointer(rebasing: pair.bytes[(count + 1)...]))
        }
    }

    /// The length of a pair's name, if the expression has a name so long.
    ///
    /// With few lengths it is quicker to look at these places than to search the end of the name. What stands before a later 0x01 is no name:
    /// no name of an expression has that byte, so it is not found.
    @inline(__always)
    private func nameCount(of pair: UnsafeRawBufferPointer) -> Int? {
        if hasFewLengths {
            var lengths = nameLengths
            while lengths != 0 {
                let count = lengths.trailingZeroBitCount
                if count < pair.count, pair[count] == PropertyText.nameEnd { return count }
                lengths &= lengths &- 1
            }
            return nil
        }
        guard let base = pair.baseAddress, let end = memchr(base, Int32(PropertyText.nameEnd), pair.count) else { return nil }
        let count = UnsafeRawPointer(end) - base
        return nameLengths & Self.bit(ofLength: count) != 0 ? count : nil
    }

    private func run(
        _ values: UnsafeBufferPointer<SQLValue>, _ bytes: UnsafeRawBufferPointer, _ stack: inout SQLStack
    ) throws(SQLEvaluationError) {
        var next = 0
        while next < instructions.count {
            let instruction = instructions[next]
            next += 1
            switch instruction {
            case .property(let number): stack.push(values[number])
            case .text(let number): stack.push(.text(UnsafeRawBufferPointer(rebasing: bytes[texts.places[number]])))
            case .int(let number): stack.push(.int(number))
            case .long(let number): stack.push(.long(number))
            case .double(let number): stack.push(.double(number))
            case .boolean(let truth): stack.push(.boolean(truth))
            case .null: stack.push(.null)
            case .duplicate: stack.push(stack.top)

            case .negate: stack.top = stack.top.negated
            case .not: if case .boolean(let truth) = stack.top { stack.top = .boolean(!truth) }
            case .isNull: if case .null = stack.top { stack.top = .boolean(true) } else { stack.top = .boolean(false) }
            case .condition: if case .text = stack.top { stack.top = .boolean(false) }
            case .isIn(let list): if case .text(let text) = stack.top { stack.top = .boolean(texts.find(text, in: lists[list]) != nil) }

            case .equal: try stack.replaceTwo(Self.equal)
            case .less: try stack.compare { $0 == .before }
            case .lessOrEqual: try stack.compare { $0 != .after }
            case .greater: try stack.compare { $0 == .after }
            case .greaterOrEqual: try stack.compare { $0 != .before }
            case .and: stack.combine(decidedBy: false)
            case .or: stack.combine(decidedBy: true)

            case .skipIfNull(let place): if case .null = stack.top { next = place }
            case .skipIfFalse(let place): if stack.top.isTruth(false) { next = place }
            case .skipIfTrue(let place): if stack.top.isTruth(true) { next = place }
            case .settleIfFalse(let place): if stack.settle(false) { next = place }
            case .settleIfTrue(let place): if stack.settle(true) { next = place }
            }
        }
    }

    /// NULL is equal to NULL; NULL on the left makes NULL of the whole, NULL on the right makes it FALSE.
    private static func equal(_ left: SQLValue, _ right: SQLValue) throws(SQLEvaluationError) -> SQLValue {
        switch (left, right) {
        case (.null, .null): .boolean(true)
        case (.null, _): .null
        case (_, .null): .boolean(false)
        default: .boolean(try SQLComparison.areEqual(left, right))
        }
    }
}

/// The values on which an expression is at work, at most as many as its program says.
private struct SQLStack {
    private let memory: UnsafeMutableBufferPointer<SQLValue>
    private var count = 0

    init(_ memory: UnsafeMutableBufferPointer<SQLValue>) { self.memory = memory }

    /// The value on top.
    var top: SQLValue {
        get { memory[count - 1] }
        nonmutating set { memory[count - 1] = newValue }
    }

    mutating func push(_ value: SQLValue) {
        precondition(count < memory.count, "a program is as high as it says")
        memory[count] = value
        count += 1
    }

    /// What an expression that has ended is.
    var result: SQLResult {
        switch top {
        case .boolean(true): .isTrue
        case .boolean(false): .isFalse
        default: .isNull
        }
    }

    /// Replaces the two values on top by what they make together.
    @inline(__always)
    mutating func replaceTwo(_ make: (SQLValue, SQLValue) throws(SQLEvaluationError) -> SQLValue) throws(SQLEvaluationError) {
        precondition(count > 1, "a program does not go below its stack")
        memory[count - 2] = try make(memory[count - 2], memory[count - 1])
        count -= 1
    }

    /// Less and greater; NULL when one of the two is.
    @inline(__always)
    mutating func compare(_ holds: (SQLComparison.Order) -> Bool) throws(SQLEvaluationError) {
        try replaceTwo { left, right throws(SQLEvaluationError) in
            if case .null = left { return .null }
            if case .null = right { return .null }
            return .boolean(holds(try SQLComparison.order(left, right)))
        }
    }

    /// AND, which one FALSE decides, and OR, which one TRUE decides; else NULL when one of the two is.
    mutating func combine(decidedBy truth: Bool) {
        precondition(count > 1, "a program does not go below its stack")
        let (left, right) = (memory[count - 2], memory[count - 1])
        count -= 1
        if left.isTruth(truth) || right.isTruth(truth) {
            top = .boolean(truth)
        } else if left.isTruth(!truth), right.isTruth(!truth) {
            top = .boolean(!truth)
        } else {
            top = .null
        }
    }

    /// See `SQLInstruction.settleIfFalse`.
    mutating func settle(_ truth: Bool) -> Bool {
        precondition(count > 1, "a program does not go below its stack")
        guard !top.isTruth(truth) else {
            memory[count - 2] = top
            count -= 1
            return true
        }
        memory.swapAt(count - 2, count - 1)
        return false
    }
}

extension SQLValue {
    /// Whether it is this one of TRUE and FALSE.
    fileprivate func isTruth(_ truth: Bool) -> Bool {
        if case .boolean(truth) = self { true } else { false }
    }
}
