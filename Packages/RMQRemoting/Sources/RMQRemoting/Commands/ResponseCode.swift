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
    public static let success = ResponseCode(rawValue: 0)
    public static let systemError = ResponseCode(rawValue: 1)
    public static let systemBusy = ResponseCode(rawValue: 2)
    public static let requestCodeNotSupported = ResponseCode(rawValue: 3)
    public static let transactionFailed = ResponseCode(rawValue: 4)
    public static let flushDiskTimeout = ResponseCode(rawValue: 10)
    public static let slaveNotAvailable = ResponseCode(rawValue: 11)
    public static let flushSlaveTimeout = ResponseCode(rawValue: 12)
    public static let messageIllegal = ResponseCode(rawValue: 13)
    public static let serviceNotAvailable = ResponseCode(rawValue: 14)
    public static let versionNotSupported = ResponseCode(rawValue: 15)
    public static let noPermission = ResponseCode(rawValue: 16)
    public static let topicNotExist = ResponseCode(rawValue: 17)
    public static let topicExistAlready = ResponseCode(rawValue: 18)
    public static let pullNotFound = ResponseCode(rawValue: 19)
    public static let pullRetryImmediately = ResponseCode(rawValue: 20)
    public static let pullOffsetMoved = ResponseCode(rawValue: 21)
    public static let queryNotFound = ResponseCode(rawValue: 22)
    public static let subscriptionParseFailed = ResponseCode(rawValue: 23)
    public static let subscriptionNotExist = ResponseCode(rawValue: 24)
    public static let subscriptionNotLatest = ResponseCode(rawValue: 25)
    public static let subscriptionGroupNotExist = ResponseCode(rawValue: 26)
    public static let filterDataNotExist = ResponseCode(rawValue: 27)
    public static let filterDataNotLatest = ResponseCode(rawValue: 28)
    public static let transactionShouldCommit = ResponseCode(rawValue: 200)
    public static let transactionShouldRollback = ResponseCode(rawValue: 201)
    public static let transactionStateUnknow = ResponseCode(rawValue: 202)
    public static let transactionStateGroupWrong = ResponseCode(rawValue: 203)
    public static let noBuyerId = ResponseCode(rawValue: 204)
    public static let notInCurrentUnit = ResponseCode(rawValue: 205)
    public static let consumerNotOnline = ResponseCode(rawValue: 206)
    public static let consumeMsgTimeout = ResponseCode(rawValue: 207)
    public static let noMessage = ResponseCode(rawValue: 208)
    public static let updateAndCreateAclConfigFailed = ResponseCode(rawValue: 209)
    public static let deleteAclConfigFailed = ResponseCode(rawValue: 210)
    public static let updateGlobalWhiteAddrsConfigFailed = ResponseCode(rawValue: 211)
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
