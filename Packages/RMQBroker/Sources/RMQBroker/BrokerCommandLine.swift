import Glibc
public import RMQCommon
import RMQRemoting
import RMQStore

/// The program `mqbroker`: arguments in, exit status out.
public struct BrokerCommandLine {
    /// A name server in this process, for `--standalone`.
    public struct NameServerInProcess {
        let address: String
        let stop: () -> Void

        public init(address: String, stop: @escaping () -> Void) {
            self.address = address
            self.stop = stop
        }
    }

    private static let options = CommandOption.common + [
        CommandOption("c", "configFile", "Broker config properties file"),
        .flag("p", "printConfigItem", "Print all config item"),
        .flag("m", "printImportantConfig", "Print important config item"),
        .flag("s", "standalone", "Run a name server in this process too, for development"),
        .testConfig,
        .version,
    ]

    private let arguments: [String]
    private let startNameServer: (Logger) throws -> NameServerInProcess

    /// - Parameters:
    ///   - arguments: without the program's name.
    ///   - startNameServer: called for `--standalone`.
    public init(arguments: [String], startNameServer: @escaping (Logger) throws -> NameServerInProcess) {
        self.arguments = arguments
        self.startNameServer = startNameServer
    }

    /// Runs until it is asked to stop (`ProcessSignals`) and returns the exit status. Call it first thing in `main`, before any thread starts.
    public func run() -> Int32 {
        ProcessSignals.holdTermination()
        let usage = CommandUsage.text(program: "mqbroker", options: Self.options)
        do {
            let options = try CommandOptions(arguments, declared: Self.options)
            if options.has("h") {
                Console.write(usage)
                return 0
            }
            if options.has("v") {
                Console.write(ProgramVersion.line(of: "mqbroker") + "\n")
                return 0
            }
            if options.has("t") { return check(options) }
            let (configuration, warnings) = try configuration(options)
            if options.has("p") || options.has("m") {
                for warning in warnings { Console.writeError("mqbroker: \(warning)\n") }
                Console.write(configuration.text(onlyImportant: !options.has("p")))
                return 0
            }
            return try serve(configuration, warnings, standsAlone: options.has("s"), file: options["c"])
        } catch let refusal as CommandOptions.Refusal {
            Console.write(usage)
            Console.writeError("mqbroker: \(refusal)\n")
            return 1
        } catch {
            Console.writeError("mqbroker: \(error)\n")
            return 253  // what a shell sees of the reference's -3
        }
    }

    /// `-t`: tells what a start would warn of or refuse, and opens nothing.
    private func check(_ options: CommandOptions) -> Int32 {
        do {
            let (configuration, warnings) = try configuration(options)
            for warning in warnings { Console.writeError("mqbroker: \(warning)\n") }
            try Broker.check(configuration, logger: Logger(category: BrokerLog.broker.rawValue, sink: LevelSink(.warning, ConsoleSink())))
        } catch {
            Console.writeError("mqbroker: \(error)\n")
            return 1
        }
        Console.write("mqbroker: the configuration \(options["c"].map { "of \($0) " } ?? "")can be started with\n")
        return 0
    }

    private func serve(_ given: BrokerConfiguration, _ warnings: [String], standsAlone: Bool, file: String?) throws -> Int32 {
        var configuration = given
        OpenFiles.raiseLimit()
        let logger = Logger(category: BrokerLog.broker.rawValue, sink: Self.logSink(configuration))
        logger.setVerbosity(configuration.logVerbosity)
        for warning in warnings { logger.warning(warning) }
        var nameServer: NameServerInProcess?
        defer { nameServer?.stop() }
        if standsAlone {
            let started = try startNameServer(logger)
            configuration.nameServers = [started.address]
            nameServer = started
        }
        let broker = try Broker(configuration: configuration, logger: logger, configurationFile: file)
        // Recovery takes its time: who asked for a stop meanwhile wants no broker that serves first.
        guard !ProcessSignals.terminationIsPending else {
            logger.info("asked to stop during the start: the store is closed, nothing was served")
            broker.stop()
            return 0
        }
        try broker.start()
        let address = HostPort(configuration.advertisedAddress, broker.port)
        let known = configuration.nameServers.isEmpty ? "" : " and name server is \(configuration.nameServers.joined(separator: ";"))"
        Console.write("The broker[\(configuration.brokerName), \(address)] boot success. serializeType=JSON\(known)\n")
        let signal = ProcessSignals.waitForTermination { logger.warning("SIGQUIT: there is no thread dump here; the broker goes on, SIGTERM stops it") }
        logger.info("stops, on \(signal)")
        broker.stop()
        return 0
    }

    /// Defaults of this machine, then the environment, the file, and the command line.
    private func configuration(_ options: CommandOptions) throws(ConfigurationError) -> (BrokerConfiguration, warnings: [String]) {
        var configuration = BrokerConfiguration()
        configuration.store.rootDirectory = Environment.userHome + "/store"
        configuration.rocketmqHome = Environment.value("ROCKETMQ_HOME") ?? ""
        if let name = Self.hostName, (try? configuration.apply([("brokerName", name)])) == nil { configuration.brokerName = "DEFAULT_BROKER" }
        if let addresses = Environment.value("NAMESRV_ADDR") { _ = try configuration.apply([("namesrvAddr", addresses)]) }
        var warnings: [String] = []
        if let file = options["c"] {
            warnings = try configuration.apply(Configuration(file: file).pairs)
        }
        if let addresses = options["n"] { _ = try configuration.apply([("namesrvAddr", addresses)]) }
        return (configuration, warnings)
    }

    private static var hostName: String? {
        var bytes = [CChar](repeating: 0, count: 256)
        guard gethostname(&bytes, bytes.count - 1) == 0 else { return nil }
        return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The files that the reference logs to; warnings and errors also go to standard error.
    private static func logSink(_ configuration: BrokerConfiguration) -> any LogSink {
        do {
            let subfolder = configuration.isolatesLogs ? "\(configuration.brokerName)_\(configuration.role == .slave ? configuration.brokerId : 0)" : nil
            return TeeSink(try BrokerLogFiles(in: Environment.logFolder, subfolder: subfolder), LevelSink(.warning, ConsoleSink()))
        } catch {
            Console.writeError("mqbroker: logging to standard error: \(error)\n")
            return ConsoleSink()
        }
    }
}
