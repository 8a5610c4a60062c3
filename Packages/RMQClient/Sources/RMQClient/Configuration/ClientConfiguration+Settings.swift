public import RMQCommon
import RMQRemoting

/// A client's configuration from a file and from the environment.
///
///     what code sets  >  namesrvAddr of the file  >  NAMESRV_ADDR  >  the endpoint
extension RocketMQClient.Configuration {
    /// The defaults with what the environment says: `NAMESRV_ADDR` names the name servers, `ROCKETMQ_SERIALIZE_TYPE` (`JSON` or `ROCKETMQ`) how
    /// headers are written.
    public init() {
        self.init(nameServers: Environment.value("NAMESRV_ADDR") ?? "")
        guard let name = Environment.value("ROCKETMQ_SERIALIZE_TYPE") else { return }
        if let serialization = HeaderSerialization(name: name) {
            headers = serialization
        } else {
            logger.warning("ROCKETMQ_SERIALIZE_TYPE of the environment is \"\(name)\", allowed are JSON and ROCKETMQ; headers are written as \(headers)")
        }
    }

    /// Reads a file of `key=value` lines, with the keys of `docs/configuration.md`; what it does not say is as ``init()`` has it.
    ///
    /// A key that is not known, or has no effect here, is warned of by the logger that ``log(_:to:)`` would replace.
    /// - Throws: `invalidConfiguration` for a file that cannot be read and a value that is not allowed.
    public init(file path: String) throws(ClientError) {
        self.init()
        let given = Self.withKeysOfToday(try RMQCommon.Configuration.reading(path))
        let report: SettingReport
        do {
            report = try Self.settings.apply(given.pairs, to: &self)
        } catch {
            throw ClientError(.invalidConfiguration, "\(path): \(error)")
        }
        if let keyFile { credentials = try Credentials(file: keyFile) }
        tls = try TLSConfiguration(tlsKeys, file: path, logger)
        for warning in report.warnings { logger.warning("\(path): \(warning)") }
    }

    /// The reference's Java properties say some things under names of their own; the name of the setting counts before them.
    private static let propertyNames: KeyValuePairs<String, String> = [
        "rocketmq.namesrv.addr": "namesrvAddr", "rocketmq.client.name": "instanceName", "useTLS": "tls.enable",
        "com.rocketmq.sendMessageWithVIPChannel": "vipChannelEnabled",
    ]

    private static func withKeysOfToday(_ file: RMQCommon.Configuration) -> RMQCommon.Configuration {
        var file = file
        for (property, key) in propertyNames {
            guard let value = file[property] else { continue }
            file[property] = nil
            if file[key] == nil { file[key] = value }
        }
        return file
    }
}

extension RocketMQClient.Configuration {
    /// Every key of a client's configuration file.
    public static let settings = SettingTable(
        program: "client", defaults: RocketMQClient.Configuration(nameServers: []),
        [.init("Settings", ownSettings + refusedSettings + settingsWithoutEffect), .init("Network", networkSettings + tlsSettings)])

    private static let ownSettings: [Setting<Self>] = [
        .text(
            "namesrvAddr", \.nameServers, allowed: NameServerList.allowed, important: true, "The name servers; also `rocketmq.namesrv.addr`.",
            parse: addresses, print: { $0.joined(separator: ";") }
        ).defaulting(to: "`NAMESRV_ADDR` of the environment"),
        .text(
            "rocketmq.namesrv.domain", \.endpointDomain, allowed: "a host, or host:port",
            "The web server that is asked for the name servers (`http://<domain>:8080/rocketmq/<subgroup>`) where nothing else names any.",
            parse: wordOrNone, print: { $0 }),
        .text(
            "rocketmq.namesrv.domain.subgroup", \.endpointSubgroup, allowed: "one word", "The last part of that address.", parse: wordOrNone, print: { $0 }
        ).defaulting(to: "`nsaddr`"),
        .text("clientIP", \.clientAddress, allowed: words, "The first part of the client id.", parse: wordOrNone, print: { $0 })
            .defaulting(to: "the first usable address of the machine"),
        .text(
            "instanceName", \.instanceName, allowed: words,
            "The second part of the client id, also `rocketmq.client.name`; `DEFAULT` is a new one at each start.",
            parse: { text in word(text).map { $0.isExactly("DEFAULT") ? .unique : .fixed($0) } },
            print: { if case .fixed(let name) = $0 { name } else { "DEFAULT" } }),
        .text("unitName", \.unitName, allowed: words, "The third part of the client id.", parse: wordOrNone, print: { $0 }),
        .text(
            "namespace", \.namespace, allowed: "letters, digits, - and _", "Keeps the names of topics and groups apart from those of others.",
            parse: wordOrNone, print: { $0 }),
        .text(
            "rocketmq.client.keyFile", \.keyFile, allowed: "a path", "A file with `AccessKey`, `SecretKey` and perhaps `SecurityToken`.",
            parse: { $0.isEmpty ? nil : $0 }, print: { $0 }),
        .text(
            "accessChannel", \.accessChannel, allowed: "LOCAL or CLOUD", "Which kind of cluster it is, for the form and the topic of traces.",
            parse: channel, print: { $0 == .cloud ? "CLOUD" : "LOCAL" }),
        .time("pollNameServerInterval", \.routeRefreshInterval, 1...86_400_000, .milliseconds, onBadValue: .stopsTheStart, "How often routes are asked for again."),
        .time(
            "heartbeatBrokerInterval", \.heartbeatInterval, 1...longestHeartbeatInterval.milliseconds, .milliseconds, onBadValue: .stopsTheStart,
            "How often brokers are told who is here; they forget a silent client after two minutes."),
    ]

    private static let refusedSettings: [Setting<Self>] = [
        .refused("vipChannelEnabled", only: "false", because: "Requests go to the broker's own port; also `com.rocketmq.sendMessageWithVIPChannel`."),
        .refused("unitMode", only: "false", because: "Units of a deployment are not told apart."),
    ]

    private static let settingsWithoutEffect: [Setting<Self>] = Setting<Self>.withoutEffect(
        because: "It is set in code, for each consumer: `ConsumerConfiguration`.",
        ["persistConsumerOffsetInterval": "5000", "pullTimeDelayMillsWhenException": "1000"])
        + Setting<Self>.withoutEffect(
            because: "There are no callbacks and no streams here, and the language is known.",
            ["clientCallbackExecutorThreads": "", "enableStreamRequestType": "false", "language": "OTHER"])

    private static let networkSettings: [Setting<Self>] = [
        .time("mqClientApiTimeout", \.requestTimeout, 1...3_600_000, .milliseconds, onBadValue: .stopsTheStart, "Longest wait for one answer to what is no send and no pull."),
        .text(
            "rocketmq.serialize.type", \.headers, allowed: "JSON or ROCKETMQ", "How command headers are written.",
            parse: { HeaderSerialization(name: RMQCommon.Configuration.trimmed($0)) }, print: { $0 == .json ? "JSON" : "ROCKETMQ" }
        ).defaulting(to: "`ROCKETMQ_SERIALIZE_TYPE` of the environment, else `ROCKETMQ`"),
        .flag("org.apache.rocketmq.client.sendSmartMsg", \.usesShortSendHeader, "Whether sends have field names of one letter."),
        .time(
            "com.rocketmq.remoting.client.connect.timeout", \.connectTimeout, 1...3_600_000, .milliseconds, onBadValue: .stopsTheStart,
            "How long a connect may take."),
        .time(
            "com.rocketmq.remoting.client.channel.maxIdleTimeSeconds", \.idleTimeout, 1...86_400, .seconds, onBadValue: .stopsTheStart,
            "A connection over which nothing went for so long is closed."),
        .number(
            "com.rocketmq.remoting.frameMaxLength", \.maxFrameBytes, 1024...Int(Int32.max), unit: "B", onBadValue: .stopsTheStart,
            "Largest frame sent or accepted."),
        .number("eventLoops", \.eventLoops, 1...mostLoops, onBadValue: .stopsTheStart, "Threads that run the network."),
    ]

    private static let tlsSettings: [Setting<Self>] = TLSSettings.clientKeys.map { $0.at(\.tlsKeys) }

    private static let words = "up to 255 characters without blanks, / and @"

    @Sendable private static func word(_ text: String) -> String? {
        let text = RMQCommon.Configuration.trimmed(text)
        return (1...255).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "@") }
            ? text : nil
    }

    @Sendable private static func channel(_ text: String) -> AccessChannel? {
        let text = RMQCommon.Configuration.trimmed(text)
        return text.isExactly("LOCAL") ? .local : text.isExactly("CLOUD") ? .cloud : nil
    }

    /// For a property that may be nil: what is not allowed is no nil.
    @Sendable private static func wordOrNone(_ text: String) -> String?? { word(text).map { .some($0) } }

    @Sendable private static func addresses(_ text: String) -> [String]? {
        let given = RocketMQClient.Configuration(nameServers: text)
        return !given.nameServers.isEmpty && given.nameServerAddresses.allSatisfy { NameServerList.isAddress($0) } ? given.nameServers : nil
    }

    /// What a file says of the endpoint, which is there as soon as it has a domain.
    private var endpointDomain: String? {
        get { nameServerEndpoint.flatMap { $0.domain.isEmpty ? nil : $0.domain } }
        set { nameServerEndpoint = with(nameServerEndpoint) { $0.domain = newValue ?? "" } }
    }

    private var endpointSubgroup: String? {
        get { nameServerEndpoint?.subgroup }
        set { if let newValue { nameServerEndpoint = with(nameServerEndpoint) { $0.subgroup = newValue } } }
    }

    private func with(_ endpoint: NameServerEndpoint?, _ change: (inout NameServerEndpoint) -> Void) -> NameServerEndpoint {
        var endpoint = endpoint ?? NameServerEndpoint(domain: "")
        change(&endpoint)
        return endpoint
    }
}
