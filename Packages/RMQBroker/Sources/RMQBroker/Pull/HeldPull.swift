import RMQRemoting
import RMQStore

/// A pull that can be answered at any time.
struct HeldPull {
    let connection: UInt64
    let ticket: ReplyTicket
    var queue: BrokerQueue
    let filter: PullFilter
    let offset: Int64
    /// Beyond `offset` by the messages that were looked at since and did not match.
    var nextOffset: Int64
    let maxCount: Int
    let advice: PullAdvice
    /// Of the group that pulls; nil when the table of offsets is full.
    let progress: GroupProgress?
    let statistics: PullStatistics
    /// ``BrokerState/pullRulesVersion`` when the rules were last looked at.
    var rulesVersion: UInt64
}
