/// What a server does with every request code that it may meet, a row each: dispatch, access control, statistics and the tests
/// that no code is forgotten read the same table.
public struct RequestTable<Work: Sendable>: Sendable {
    public struct Row: Sendable {
        public let code: RequestCode
        public let access: RequestAccess
        /// Where and how it is answered.
        public let work: Work

        public init(_ code: RequestCode, _ work: Work, access: RequestAccess = .account) {
            self.code = code
            self.access = access
            self.work = work
        }
    }

    private let byNumber: [Row?]

    /// - Parameter rows: each code once.
    public init(_ rows: [Row]) {
        var table = [Row?](repeating: nil, count: Int(rows.map(\.code.rawValue).max() ?? 0) + 1)
        for row in rows {
            precondition(table[Int(row.code.rawValue)] == nil, "two rows for \(row.code)")
            table[Int(row.code.rawValue)] = row
        }
        byNumber = table
    }

    public subscript(_ code: RequestCode) -> Row? {
        byNumber.indices.contains(Int(code.rawValue)) ? byNumber[Int(code.rawValue)] : nil
    }
}
