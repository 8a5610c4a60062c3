import RMQClient
import RMQCommon

/// Why a command failed without a server being the cause. What servers do is a ``ClientError``.
enum CommandFailure: Error {
    /// What the reference tells with the code of a server's answer, though it decides so itself.
    case coded(ResponseCode, remark: String)
    /// What was given as an offset id is none.
    case noMessage(id: String)
    /// The values of the options do not go together; the text says which and what is allowed.
    case usage(String)
    /// Options are missing in a way that only the command itself can tell: it prints its usage and ends well.
    case showUsage
    /// The named thing is not there.
    case notFound(String)
    /// Something went wrong on this machine, or an answer makes no sense; the text says what.
    case failed(String)

    /// What the reference says about a cluster that no name server knows.
    static let unknownClusterText = "[error] Make sure the specified clusterName exists or the name server connected to is correct."
}

/// A failure as people read it: the cause in the reference's words, where it has words for it, and what to do.
struct FailureText {
    var detail: String
    /// What the person can do, if that is known.
    var advice: String?
}

extension FailureText {
    /// - Parameter error: what a command throws.
    init(_ error: any Error) {
        switch error {
        case let failure as CommandFailure: self.init(failure: failure)
        case let error as ClientError: self.init(answer: error)
        default: self.init(detail: "\(error)")
        }
    }

    private init(failure: CommandFailure) {
        switch failure {
        case .coded(let code, let remark): self.init(code, remark: remark)
        case .noMessage(let id):
            self.init(.noMessage, remark: "query message by id finished, but no message.")
            advice = "\"\(id)\" is no offset id: one is 32 characters (56 with IPv6) of 0-9 and A-F, as printed after `OffsetID:` or `msgId=`; "
                + "for the id that a producer shows use `mqadmin queryMsgByUniqueKey`"
        case .usage(let text), .notFound(let text), .failed(let text): self.init(detail: text)
        case .showUsage: self.init(detail: "options are missing")
        }
    }

    private init(answer error: ClientError) {
        if let code = error.responseCode {
            self.init(code, remark: error.remark ?? "")
            if case .broker(let address) = error.server { detail += " BROKER: \(address)" }
            return
        }
        // A send tells every try itself.
        self.init(detail: error.attempts.isEmpty ? error.message : error.description)
        let server = error.attempts.isEmpty ? error.server?.text : nil
        switch error.code {
        case .noNameServer: advice = "give one with -n ip:port or in the environment variable NAMESRV_ADDR"
        case .connectionFailed where error.message.containsBytes(of: ": TLS: "):
            advice = "`conf/tls.properties` below ROCKETMQ_HOME says who is trusted (tls.client.trustCertPath) and what the tool shows (tls.client.certPath)"
        case .connectionFailed, .connectionLost:
            if error.code == .connectionFailed, let server { detail = "connect to \(server) failed" }
            advice = "check that the process runs and listens at that address (-n, -b or NAMESRV_ADDR name the wrong one otherwise)"
        case .timedOut:
            if let server, let timeout = error.timeout { detail = "wait response on the channel <\(server)> timeout, \(timeout.milliseconds)(ms)" }
            advice = "the server is there but busy or stuck: look at its log and at `mqadmin brokerStatus -b <addr>`"
        case .malformedAnswer:
            detail = "the answer cannot be read: \(error.message)"
            advice = "check that the address belongs to a RocketMQ name server or broker"
        default: break
        }
    }

    private init(_ code: ResponseCode, remark: String) {
        self.init(detail: "CODE: \(code.rawValue)  DESC: \(remark)")
        switch code {
        case .topicNotExist where remark.containsBytes(of: RetryTopic.prefix):
            advice = "no member of the group was ever connected; see `mqadmin consumerProgress` for the groups there are"
        case .topicNotExist: advice = "see `mqadmin topicList` for the topics there are; `mqadmin updateTopic` creates one"
        // Of a change that a broker does not allow at run time it has nothing to say.
        case .noPermission where remark.containsBytes(of: "topic"): advice = "see the topic's permission with `mqadmin topicRoute -l -t <topic>`"
        case .consumerNotOnline: advice = "see `mqadmin consumerProgress` for the groups and how many of their members are connected"
        case .subscriptionGroupNotExist: advice = "create the group with `mqadmin updateSubGroup`"
        default: break
        }
    }
}

extension ClientError.Server {
    fileprivate var text: String {
        switch self {
        case .broker(let address), .nameServer(let address): address
        case .nameServers(let addresses): "[" + addresses.joined(separator: ", ") + "]"
        }
    }
}
