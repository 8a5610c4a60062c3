/// What came of a request.
///
/// An open set, like ``RequestCode``: a newer peer may answer with a number that has no name here.
public struct ResponseCode: RawRepresentable, Hashable, Sendable {
    public var rawValue: Int32

    @inlinable public init(rawValue: Int32) {
        self.rawValue = rawValue
    }
}

extension ResponseCode {
    /// Done, and what was asked for is in the answer.
    public static let success = ResponseCode(rawValue: 0)
    /// Something failed that has no code of its own; the remark says what.
    public static let systemError = ResponseCode(rawValue: 1)
    /// The server has more to do than it takes on; the same request may succeed in a moment.
    public static let systemBusy = ResponseCode(rawValue: 2)
    /// The server knows no such request, or does not serve it.
    public static let requestCodeNotSupported = ResponseCode(rawValue: 3)
    /// Declared in the reference and used by nobody.
    public static let transactionFailed = ResponseCode(rawValue: 4)
    /// The message is stored, and not on the disk in time.
    public static let flushDiskTimeout = ResponseCode(rawValue: 10)
    /// The message is stored, and no replica is there to confirm it.
    public static let slaveNotAvailable = ResponseCode(rawValue: 11)
    /// The message is stored, and not confirmed by a replica in time.
    public static let flushSlaveTimeout = ResponseCode(rawValue: 12)
    /// The message breaks a rule: its size, its topic, its properties.
    public static let messageIllegal = ResponseCode(rawValue: 13)
    /// The broker takes no messages now: it is a slave, closing, or its disk is full or failed.
    public static let serviceNotAvailable = ResponseCode(rawValue: 14)
    /// Declared in the reference and used by nobody.
    public static let versionNotSupported = ResponseCode(rawValue: 15)
    /// The topic, the group or the account may not do this.
    public static let noPermission = ResponseCode(rawValue: 16)
    /// The server knows no such topic.
    public static let topicNotExist = ResponseCode(rawValue: 17)
    /// Declared in the reference and used by nobody.
    public static let topicExistAlready = ResponseCode(rawValue: 18)
    /// The queue has no message at the offset yet.
    public static let pullNotFound = ResponseCode(rawValue: 19)
    /// There are messages, none of them wanted; go on at the next offset at once.
    public static let pullRetryImmediately = ResponseCode(rawValue: 20)
    /// The offset lies outside the queue; the answer says where to go on.
    public static let pullOffsetMoved = ResponseCode(rawValue: 21)
    /// There is no such thing: message, offset, value.
    public static let queryNotFound = ResponseCode(rawValue: 22)
    /// The subscription's expression cannot be read.
    public static let subscriptionParseFailed = ResponseCode(rawValue: 23)
    /// The group's heartbeat named no such subscription.
    public static let subscriptionNotExist = ResponseCode(rawValue: 24)
    /// The broker knows an older subscription than the pull; the next heartbeat brings it up to date.
    public static let subscriptionNotLatest = ResponseCode(rawValue: 25)
    /// The broker knows no such consumer group, and makes none.
    public static let subscriptionGroupNotExist = ResponseCode(rawValue: 26)
    /// The filter of the subscription is not known to the broker yet.
    public static let filterDataNotExist = ResponseCode(rawValue: 27)
    /// The broker knows an older filter than the pull; the next heartbeat brings it up to date.
    public static let filterDataNotLatest = ResponseCode(rawValue: 28)
    /// Declared in the reference and used by nobody.
    public static let transactionShouldCommit = ResponseCode(rawValue: 200)
    /// Declared in the reference and used by nobody.
    public static let transactionShouldRollback = ResponseCode(rawValue: 201)
    /// Declared in the reference and used by nobody.
    public static let transactionStateUnknow = ResponseCode(rawValue: 202)
    /// Declared in the reference and used by nobody.
    public static let transactionStateGroupWrong = ResponseCode(rawValue: 203)
    /// Declared in the reference and answered by nobody; producers try another broker on it.
    public static let noBuyerId = ResponseCode(rawValue: 204)
    /// Declared in the reference and answered by nobody; producers try another broker on it.
    public static let notInCurrentUnit = ResponseCode(rawValue: 205)
    /// No member of the group is connected, or not the one that was named.
    public static let consumerNotOnline = ResponseCode(rawValue: 206)
    /// The consumer did not answer the broker in time.
    public static let consumeMsgTimeout = ResponseCode(rawValue: 207)
    /// There is no such message: what clients of the reference tell when a search found nothing.
    public static let noMessage = ResponseCode(rawValue: 208)
    /// The account could not be stored; the remark says why.
    public static let updateAndCreateAclConfigFailed = ResponseCode(rawValue: 209)
    /// The account could not be deleted; the remark says why.
    public static let deleteAclConfigFailed = ResponseCode(rawValue: 210)
    /// The addresses could not be stored; the remark says why.
    public static let updateGlobalWhiteAddrsConfigFailed = ResponseCode(rawValue: 211)
    /// The client asks for more than the broker gives it; ask again after a moment.
    public static let flowControl = ResponseCode(rawValue: 215)
}

extension ResponseCode: CustomStringConvertible {
    /// The protocol's name and number, as in `SYSTEM_ERROR(1)`; only the number where there is no name.
    public var description: String {
        name.map { "\($0)(\(rawValue))" } ?? String(rawValue)
    }

    /// The name that the protocol gives this code; nil for a code outside its table.
    public var name: String? {
        switch self {
        case .success: "SUCCESS"
        case .systemError: "SYSTEM_ERROR"
        case .systemBusy: "SYSTEM_BUSY"
        case .requestCodeNotSupported: "REQUEST_CODE_NOT_SUPPORTED"
        case .transactionFailed: "TRANSACTION_FAILED"
        case .flushDiskTimeout: "FLUSH_DISK_TIMEOUT"
        case .slaveNotAvailable: "SLAVE_NOT_AVAILABLE"
        case .flushSlaveTimeout: "FLUSH_SLAVE_TIMEOUT"
        case .messageIllegal: "MESSAGE_ILLEGAL"
        case .serviceNotAvailable: "SERVICE_NOT_AVAILABLE"
        case .versionNotSupported: "VERSION_NOT_SUPPORTED"
        case .noPermission: "NO_PERMISSION"
        case .topicNotExist: "TOPIC_NOT_EXIST"
        case .topicExistAlready: "TOPIC_EXIST_ALREADY"
        case .pullNotFound: "PULL_NOT_FOUND"
        case .pullRetryImmediately: "PULL_RETRY_IMMEDIATELY"
        case .pullOffsetMoved: "PULL_OFFSET_MOVED"
        case .queryNotFound: "QUERY_NOT_FOUND"
        case .subscriptionParseFailed: "SUBSCRIPTION_PARSE_FAILED"
        case .subscriptionNotExist: "SUBSCRIPTION_NOT_EXIST"
        case .subscriptionNotLatest: "SUBSCRIPTION_NOT_LATEST"
        case .subscriptionGroupNotExist: "SUBSCRIPTION_GROUP_NOT_EXIST"
        case .filterDataNotExist: "FILTER_DATA_NOT_EXIST"
        case .filterDataNotLatest: "FILTER_DATA_NOT_LATEST"
        case .transactionShouldCommit: "TRANSACTION_SHOULD_COMMIT"
        case .transactionShouldRollback: "TRANSACTION_SHOULD_ROLLBACK"
        case .transactionStateUnknow: "TRANSACTION_STATE_UNKNOW"
        case .transactionStateGroupWrong: "TRANSACTION_STATE_GROUP_WRONG"
        case .noBuyerId: "NO_BUYER_ID"
        case .notInCurrentUnit: "NOT_IN_CURRENT_UNIT"
        case .consumerNotOnline: "CONSUMER_NOT_ONLINE"
        case .consumeMsgTimeout: "CONSUME_MSG_TIMEOUT"
        case .noMessage: "NO_MESSAGE"
        case .updateAndCreateAclConfigFailed: "UPDATE_AND_CREATE_ACL_CONFIG_FAILED"
        case .deleteAclConfigFailed: "DELETE_ACL_CONFIG_FAILED"
        case .updateGlobalWhiteAddrsConfigFailed: "UPDATE_GLOBAL_WHITE_ADDRS_CONFIG_FAILED"
        case .flowControl: "FLOW_CONTROL"
        default: nil
        }
    }
}
