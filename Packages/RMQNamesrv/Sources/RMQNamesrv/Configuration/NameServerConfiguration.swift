public import RMQACL
public import RMQCommon
public import RMQRemoting

/// What a name server is started with: the properties, and below them the row of each key.
public struct NameServerConfiguration: Sendable, Equatable {
    /// Where the distribution is installed, with the accounts in its folder `conf`.
    public var rocketmqHome: String?
    /// The file that keeps the key-value configuration.
    public var kvConfigPath: String
    /// The file that a change by command is written to: the `-c` file when there is one.
    public var configStorePath: String
    /// The environment that cluster-test mode asks for unknown topics.
    public var productEnvName = "center"
    /// Ask another environment's name servers for topics that are unknown here.
    public var clusterTest = false
    /// Attach the order configuration of a topic to its route. May change while running.
    public var orderMessageEnable = false
    /// Keys that must not change by command, `;` between them; they only ever narrow what the rows allow.
    public var configBlackList = "configBlackList;configStorePath;kvConfigPath"
    /// Event loops of a stand-alone name server.
    public var eventLoops = 3

    /// Whether what changes something needs an account; with `requiresSignature`, also every question.
    public var access = AccessConfiguration()
    /// Where it listens.
    public var listener = ListenerConfiguration(port: 9876)
    /// Sizes of a machine that does not exist here.
    var tuning = ServerTuning()

    /// Keys of the `-c` file that no part of the server knows: shown by the configuration request and written back.
    public var unknownItems: [ByteText: String] = [:]

    /// The defaults, with data files under `<userHome>/namesrv`.
    public init(userHome: String) {
        kvConfigPath = userHome + "/namesrv/kvConfig.json"
        configStorePath = userHome + "/namesrv/namesrv.properties"
    }

    /// The defaults for the user of this process, with `ROCKETMQ_HOME` and `HOME` of its environment.
    public init() {
        self.init(userHome: Environment.userHome)
        rocketmqHome = Environment.value("ROCKETMQ_HOME")
    }
}

extension NameServerConfiguration {
    /// Every key, in the reference's order: the name server's own, then the network's.
    public static let settings = SettingTable(
        program: "name server", defaults: NameServerConfiguration(userHome: "~"), [.init("Name server", ownSettings + accessSettings), .init("Network", networkSettings)])

    private static let ownSettings: [Setting<Self>] = [
        .text(
            "rocketmqHome", \.rocketmqHome, allowed: "a path", "Where the distribution is installed; the accounts are in its folder `conf`.", parse: { $0 }, print: { $0 })
            .defaulting(to: "`ROCKETMQ_HOME` of the environment"),
        .path("kvConfigPath", \.kvConfigPath, "The file that keeps the key-value configuration."),
        .path("configStorePath", \.configStorePath, "The file that a change by command is written to; the `-c` file takes its place."),
        .name("productEnvName", \.productEnvName, "The environment that cluster-test mode asks.")
            .withoutEffect(because: "The other environment is what `NAMESRV_ADDR` names."),
        .flag("clusterTest", \.clusterTest, takesEffect: .never, "Whether topics that are unknown here are asked for at the name servers of `NAMESRV_ADDR`."),
        .flag("orderMessageEnable", \.orderMessageEnable, takesEffect: .atOnce, "Whether the order configuration of a topic goes with its route."),
        .text(
            "configBlackList", \.configBlackList, allowed: "keys separated by ;", "Keys that no command may change, beyond those that none may change anyhow.",
            parse: Configuration.trimmed, print: { $0 }),
    ]

    private static let accessSettings: [Setting<Self>] =
        AccessConfiguration.switches(
            on: "Whether an administrator's account is needed to register a broker and to change anything; brokers sign with that of their `conf/tools.yml`. The reference has no such key for a name server.",
            required: "With `aclEnable`: whether every other request has to be signed too, the question for a route among them; a key of this project."
        ).map { $0.at(\.access) } + [AccessConfiguration.fileSetting.at(\.access)]

    private static let networkSettings: [Setting<Self>] =
        [ListenerConfiguration.portSetting().at(\.listener)]
        + ServerTuning.threadSettings.map { $0.at(\.tuning) }
        + [.number("serverSelectorThreads", \.eventLoops, 1...256, "Event loops: the threads that serve all connections.")]
        + ServerTuning.semaphoreSettings.map { $0.at(\.tuning) }
        + [ListenerConfiguration.idleSetting.at(\.listener)]
        + ServerTuning.bufferSettings.map { $0.at(\.tuning) }
        + [ListenerConfiguration.addressSetting.at(\.listener), ListenerConfiguration.remoteUpdateSetting.at(\.listener),
            ListenerConfiguration.remoteAdministrationSetting.at(\.listener)]
        + ListenerConfiguration.tlsSettings.map { $0.at(\.listener) }
}
