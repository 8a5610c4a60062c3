/// Whether a slave's log is the beginning of its master's.
enum LogVerdict: Sendable {
    /// It is: the master's bytes go on behind it.
    case agrees
    /// It is not, and why nothing was done about it.
    case differs(reason: String)
    /// The master could not be asked.
    case unknown(reason: String)
}
