import RMQCommon
import RMQRemoting

/// A loop's copy of the live configuration, and what follows from it, ready for use. On the loop's thread only.
final class LoopSettings {
    private(set) var configuration: BrokerConfiguration
    /// `startAcceptSendTimestamp`, the write bit of `brokerPermission` and `rejectTransactionMessage`, apart: a send must not copy the configuration.
    private(set) var acceptsSendsFrom: Int64
    private(set) var isWritable: Bool
    private(set) var rejectsTransactions: Bool
    private(set) var patience: RequestPatience
    private(set) var sendTrailer: SendReplyTrailer
    /// `CLUSTER` and its value, as the broker adds it to every message that a producer sends.
    let sentProperties: UnsafeRawBufferPointer
    /// Known when the port is: before the first request, and not before that.
    private(set) lazy var storeHost = makeStoreHost()
    /// The store host as a message id writes it: address and port.
    private(set) lazy var storeHostWord = storeHost.ip.reduce(0) { $0 << 8 | UInt64($1) } << 32 | UInt64(storeHost.port)
    private let makeStoreHost: () -> HostAddress
    private let live: LiveConfiguration
    private var version: UInt64

    init(_ live: LiveConfiguration, storeHost: @escaping () -> HostAddress) {
        self.live = live
        version = live.version
        let configuration = live.current
        self.configuration = configuration
        acceptsSendsFrom = configuration.startAcceptSendTimestamp
        isWritable = configuration.brokerPermission & Permission.write.rawValue != 0
        rejectsTransactions = configuration.rejectsTransactions
        patience = RequestPatience(configuration)
        sendTrailer = SendReplyTrailer(region: configuration.regionId, traceOn: configuration.traceOn)
        makeStoreHost = storeHost
        let properties = Array(PropertyText.pair(PropertyName.cluster, configuration.brokerClusterName).utf8)
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: properties.count, alignment: 1)
        copy.copyBytes(from: properties)
        sentProperties = UnsafeRawBufferPointer(copy)
    }

    deinit { sentProperties.deallocate() }

    /// Takes over what others changed. One load when nothing did.
    /// - Returns: whether something did.
    func refresh() -> Bool {
        let version = live.version
        guard version != self.version else { return false }
        self.version = version
        configuration = live.current
        acceptsSendsFrom = configuration.startAcceptSendTimestamp
        isWritable = configuration.brokerPermission & Permission.write.rawValue != 0
        rejectsTransactions = configuration.rejectsTransactions
        patience = RequestPatience(configuration)
        sendTrailer = SendReplyTrailer(region: configuration.regionId, traceOn: configuration.traceOn)
        return true
    }
}
