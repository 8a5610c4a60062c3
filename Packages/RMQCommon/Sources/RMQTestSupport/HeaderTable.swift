public import Testing

/// What a server answers to each header field of each request that it serves, with seven kinds of value.
///
/// A line is a code, a field and the answer's code when the field is
///
///     missing   empty   abc   2147483648   9223372036854775808   " 1"   -1
///
/// and all else is in order. A code and another one after a slash: the reference answers the second. A request that has no fields
/// is a line of its code and a dash.
public struct HeaderTable: Sendable {
    /// One field of one request, and what is answered to each input.
    public struct Row: Sendable, CustomTestStringConvertible {
        /// The request code.
        public let code: Int32
        /// The field's name on the wire.
        public let field: String
        /// The response code for each of ``inputs``.
        public let expected: [Int32]

        /// What a field is set to in turn; nil leaves it out.
        public static let inputs = [nil, "", "abc", "2147483648", "9223372036854775808", " 1", "-1"]

        fileprivate init(_ line: Substring) {
            let words = line.split(separator: " ")
            guard words.count >= 2, let code = Int32(words[0]) else { preconditionFailure("a line without a code and a field: \(line)") }
            self.code = code
            field = String(words[1])
            expected = words.dropFirst(2).compactMap { pair in Int32(pair.prefix { $0 != "/" }) }
            precondition(expected.count == (isWithoutField ? 0 : Self.inputs.count), "not \(Self.inputs.count) answers: \(line)")
        }

        fileprivate var isWithoutField: Bool { field.utf8.elementsEqual("-".utf8) }

        public var testDescription: String { "\(code) \(field)" }
    }

    private let rows: [Int32: [Row]]

    /// Reads a row a line: the code, the field, and an answer for each of ``Row/inputs``.
    public init(_ text: String) {
        rows = Dictionary(grouping: text.split(separator: "\n").map(Row.init), by: \.code)
    }

    /// Every code that has a row.
    public var codes: [Int32] { rows.keys.sorted() }

    /// Fails unless the rows of `code` are those of `fields`, all that its request has.
    public func expectRows(of code: Int32, for fields: [String: String], sourceLocation: SourceLocation = #_sourceLocation) {
        let expected = fields.isEmpty ? ["-"] : fields.keys.sorted()
        let found = (rows[code] ?? []).map(\.field).sorted()
        #expect(found == expected, "\(code)", sourceLocation: sourceLocation)
    }

    /// Asks with each value of each field of `code` in turn, all other fields as in `sound`.
    /// - Parameter answer: to a request with these fields: its code and its remark.
    public func expectAnswers(
        to code: Int32, sound: [String: String], sourceLocation: SourceLocation = #_sourceLocation,
        _ answer: ([String: String]) async throws -> (code: Int32, remark: String?)
    ) async throws {
        for row in rows[code] ?? [] where !row.isWithoutField {
            for (input, expected) in zip(Row.inputs, row.expected) {
                var fields = sound
                fields[row.field] = input
                let answer = try await answer(fields)
                #expect(answer.code == expected, "\(row)=\(input ?? "nil"): \(answer.remark ?? "")", sourceLocation: sourceLocation)
            }
        }
    }
}
