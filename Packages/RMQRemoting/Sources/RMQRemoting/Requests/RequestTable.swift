/// What a server does with every request code that it may meet, a row each: dispatch, access control, statistics and the tests
/// that no code is forgotten read the same table.
public struct RequestTable<Work: Sendable>: Sendable {
    /// One request code and what is done with it.
    public struct Row: Sendable {
        /// What the row is about.
        public let code: RequestCode
        /// Where and how it is answered.
        public let work: Work
        /// What its sender must be allowed to do.
        public let access: RequestAccess
        /// Whether it changes something in an administrator's name, and so is taken from the server's own machine alone where no access
        /// control asks for an account (``ListenerConfiguration/checkAdministration(_:from:accessControl:)``). Nothing that clients and
        /// brokers send for themselves may be.
        public let isAdministration: Bool

        /// - Parameters:
        ///   - access: without it, any account may send it, or an administrator's where it is administration: what is not taken from other
        ///     machines where there are no accounts must not be open to every account where there are.
        ///   - isAdministration: without it, what needs an administrator's account.
        public init(_ code: RequestCode, _ work: Work, access: RequestAccess = .account, isAdministration: Bool? = nil) {
            self.code = code
            self.work = work
            var access = access
            if isAdministration == true, case .account = access { access = .administrator }
            self.access = access
            self.isAdministration = isAdministration ?? { if case .administrator = access { true } else { false } }()
        }
    }

    // By code, apart: the look-up of a send copies no closure of access control.
    @usableFromInline let works: [Work?]
    private let accesses: [RequestAccess]
    private let administrations: Set<RequestCode>

    /// - Parameter rows: each code once.
    public init(_ rows: [Row]) {
        let count = Int(rows.map(\.code.rawValue).max() ?? 0) + 1
        var works = [Work?](repeating: nil, count: count)
        var accesses = [RequestAccess](repeating: .account, count: count)
        for row in rows {
            let index = Int(row.code.rawValue)
            precondition(works[index] == nil, "two rows for \(row.code)")
            works[index] = row.work
            accesses[index] = row.access
        }
        self.works = works
        self.accesses = accesses
        administrations = Set(rows.filter(\.isAdministration).map(\.code))
    }

    /// Nil for a code without a row.
    public subscript(_ code: RequestCode) -> Row? {
        work(of: code).map { Row(code, $0, access: access(to: code), isAdministration: isAdministration(code)) }
    }

    /// Nil for a code without a row.
    @inlinable
    public func work(of code: RequestCode) -> Work? {
        works.indices.contains(Int(code.rawValue)) ? works[Int(code.rawValue)] : nil
    }

    /// For a code without a row: an account.
    public func access(to code: RequestCode) -> RequestAccess {
        accesses.indices.contains(Int(code.rawValue)) ? accesses[Int(code.rawValue)] : .account
    }

    /// False for a code without a row.
    public func isAdministration(_ code: RequestCode) -> Bool { administrations.contains(code) }
}
