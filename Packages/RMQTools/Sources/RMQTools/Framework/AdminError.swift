import RMQRemoting

/// Why a command failed, and what to do about it.
public enum AdminError: Error, Equatable, Sendable {
    /// A server answered with an error. `broker` is its address where the reference names it.
    case refused(code: Int32, remark: String, broker: String?)
    case unreachable(String)
    case timedOut(address: String, milliseconds: Int64)
    /// The connection ended before the answer came.
    case disconnected(address: String, reason: String)
    /// A server answered something that cannot be read.
    case unreadable(String)
    case noNameServer
    /// What was given as an offset id is none.
    case noMessage(id: String)
    /// The values of the options do not go together; the text says which and what is allowed.
    case usage(String)
    /// Options are missing in a way that only the command itself can tell: it prints its usage and ends well.
    case showUsage
    /// The named thing is not there.
    case notFound(String)

    /// The failure in the words of the reference, where it has words for it.
    var detail: String {
        switch self {
        case .refused(let code, let remark, let broker):
            "CODE: \(code)  DESC: \(remark)" + (broker.map { " BROKER: \($0)" } ?? "")
        case .unreachable(let address): "connect to \(address) failed"
        case .timedOut(let address, let milliseconds):
            "wait response on the channel <\(address)> timeout, \(milliseconds)(ms)"
        case .disconnected(let address, let reason): "the connection to \(address) ended before the answer: \(reason)"
        case .noMessage: "CODE: \(ResponseCode.noMessage.rawValue)  DESC: query message by id finished, but no message."
        case .unreadable(let what): "the answer cannot be read: \(what)"
        case .noNameServer: "no name server address is known"
        case .usage(let text), .notFound(let text): text
        case .showUsage: "options are missing"
        }
    }

    /// What the person can do, if that is known.
    var advice: String? {
        switch self {
        case .refused(let code, _, _): Self.advice(for: ResponseCode(rawValue: code))
        case .unreachable, .disconnected:
            "check that the process runs and listens at that address (-n, -b or NAMESRV_ADDR name the wrong one otherwise)"
        case .timedOut: "the server is there but busy or stuck: look at its log and at `mqadmin brokerStatus -b <addr>`"
        case .noNameServer: "give one with -n ip:port or in the environment variable NAMESRV_ADDR"
        case .noMessage(let id):
            "\"\(id)\" is no offset id: one is 32 characters (56 with IPv6) of 0-9 and A-F, as printed after `OffsetID:` or `msgId=`; "
                + "for the id that a producer shows use `mqadmin queryMsgByUniqueKey`"
        case .unreadable: "check that the address belongs to a RocketMQ name server or broker"
        case .usage, .showUsage, .notFound: nil
        }
    }

    private static func advice(for code: ResponseCode) -> String? {
        switch code {
        case .topicNotExist: "see `mqadmin topicList` for the topics there are; `mqadmin updateTopic` creates one"
        case .noPermission: "see the topic's permission with `mqadmin topicRoute -l -t <topic>`"
        case .consumerNotOnline: "see `mqadmin consumerProgress` for the groups and how many of their members are connected"
        case .subscriptionGroupNotExist: "create the group with `mqadmin updateSubGroup`"
        default: nil
        }
    }
}
