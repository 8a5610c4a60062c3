import RMQCommon
import Synchronization

/// When the members of a group are told that it changed: at once, and then not again for a while, so that a thousand members that
/// join together cost a few notices each and not a thousand. What changes meanwhile is told at the end of that time.
final class MemberNotices: Sendable {
    /// Members divide the queues again within milliseconds of a notice; of several in this time only the last one helps.
    static let pause: Duration = .milliseconds(100)

    /// Groups that were told a moment ago, and whether they changed since.
    private let resting = Mutex<[ByteText: Bool]>([:])

    /// A group changed.
    /// - Returns: whether to tell its members now, and to call ``endRest(of:)`` after ``pause``.
    func begin(_ group: String) -> Bool {
        resting.withLock { resting in
            let mayTell = resting[group] == nil
            resting[group] = !mayTell
            return mayTell
        }
    }

    /// - Returns: whether the group changed meanwhile, and its members are to be told.
    func endRest(of group: String) -> Bool {
        resting.withLock { $0.removeValue(forKey: group) ?? false }
    }
}
