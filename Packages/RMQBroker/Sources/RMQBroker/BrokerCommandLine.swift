import Glibc
public import RMQCommon

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

    private struct Options {
        var configFile: String?
        var nameServers: String?
        var printsAll = false
        var printsImportant = false
        var asksForHelp = false
        var isStandalone = false
    }

    private enum Problem: Error, CustomStringConvertible {
        case unknownOption(String)
        case missingValue(String)

        var description: String {
            switch self {
            case .unknownOption(let option): "unknown option \(option)"
            case .missingValue(let option): "option \(option) needs a value"
            }
        }
    }

    private let arguments: [String]
    private let startNameServer: (Logger) throws -> NameServerInProcess

    /// - Parameters:
    ///   - arguments: without the program's name.
    ///   - startNameServer: called for `--standalone`.
    public init(arguments: [String], startNameServer: @escaping (Logger) throws -> NameServerInProcess) {
        self.arguments = arguments
        self.startNameServer = startNameServer
    }

    private static let usage = """
        usage: mqbroker [-c <arg>] [-h] [-m] [-n <arg>] [-p] [--standalone]
         -c,--configFile <arg>       Broker config properties file
         -h,--help                   Print help
         -m,--printImportantConfig   Print important config item
         -n,--namesrvAddr <arg>      Name server address list, eg: '192.168.0.1:9876;192.168.0.2:9876'
         -p,--printConfigItem        Print all config item
            --standalone             Run a name server in this process too, for development

        """

    /// Runs until SIGTERM or SIGINT and returns the exit status. Call it first thing in `main`, before any thread starts.
    public func run() -> Int32 {
        var signals = Self.holdSignals()
        do {
            let options = try parse()
            if options.asksForHelp {
                Self.print(Self.usage)
                return 0
            }
            let (configuration, warnings) = try configuration(options)
            if options.printsAll || options.printsImportant {
                Self.print(BrokerSetting.text(of: configuration) { options.printsAll || $0.isImportant })
                return 0
            }
            return try serve(configuration, options, warnings, &signals)
        } catch let problem as Problem {
            Self.print("mqbroker: \(problem)\n" + Self.usage, to: STDERR_FILENO)
            return 1
        } catch {
            Self.print("mqbroker: \(error)\n", to: STDERR_FILENO)
            return 253  // what a shell sees of the reference's -3
        }
    }

    private func serve(_ given: BrokerConfiguration, _ options: Options, _ warnings: [String], _ signals: inout sigset_t) throws -> Int32 {
        var configuration = given
        OpenFiles.raiseLimit()
        let logger = Logger(category: "RocketmqBroker", sink: ConsoleSink())
        for warning in warnings { logger.warning(warning) }
        var nameServer: NameServerInProcess?
        defer { nameServer?.stop() }
        if options.isStandalone {
            let started = try startNameServer(logger)
            configuration.nameServers = [started.address]
            nameServer = started
        }
        let broker = try Broker(configuration: configuration, logger: logger, configurationFile: options.configFile)
        try broker.start()
        let address = HostText.joined(configuration.advertisedAddress, broker.port)
        let known = configuration.nameServers.isEmpty ? "" : " and name server is \(configuration.nameServers.joined(separator: ";"))"
        Self.print("The broker[\(configuration.brokerName), \(address)] boot success. serializeType=JSON\(known)\n")
        var received: Int32 = 0
        while sigwait(&signals, &received) != 0 {}
        broker.stop()
        return 0
    }

    private func parse() throws(Problem) -> Options {
        var options = Options()
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            let parts = argument.hasPrefix("--") ? argument.split(separator: "=", maxSplits: 1).map(String.init) : [argument]
            func value() throws(Problem) -> String {
                if parts.count == 2 { return parts[1] }
                guard let next = rest.popFirst() else { throw .missingValue(argument) }
                return next
            }
            switch parts.first ?? argument {
            case "-c", "--configFile": options.configFile = try value()
            case "-n", "--namesrvAddr": options.nameServers = try value()
            case "-p", "--printConfigItem": options.printsAll = true
            case "-m", "--printImportantConfig": options.printsImportant = true
            case "-h", "--help": options.asksForHelp = true
            case "--standalone": options.isStandalone = true
            default: throw .unknownOption(argument)
            }
        }
        return options
    }

    /// Defaults of this machine, then the environment, the file, and the command line.
    private func configuration(_ options: Options) throws(BrokerConfigurationError) -> (BrokerConfiguration, warnings: [String]) {
        var configuration = BrokerConfiguration()
        configuration.storeRoot = (Self.environment("HOME") ?? ".") + "/store"
        if let name = Self.hostName, (try? configuration.apply([("brokerName", name)])) == nil { configuration.brokerName = "DEFAULT_BROKER" }
        if let addresses = Self.environment("NAMESRV_ADDR") { _ = try configuration.apply([("namesrvAddr", addresses)]) }
        var warnings: [String] = []
        if let file = options.configFile {
            let bytes: [UInt8]?
            do {
                bytes = try SmallFile.read(file)
            } catch {
                throw .unreadable(path: file, reason: "\(error)")
            }
            guard let bytes else { throw .unreadable(path: file, reason: "no such file") }
            warnings = try configuration.apply(PropertiesText.parse(bytes))
        }
        if let addresses = options.nameServers { _ = try configuration.apply([("namesrvAddr", addresses)]) }
        return (configuration, warnings)
    }

    private static var hostName: String? {
        var bytes = [CChar](repeating: 0, count: 256)
        guard gethostname(&bytes, bytes.count - 1) == 0 else { return nil }
        return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func environment(_ name: String) -> String? {
        guard let text = getenv(name) else { return nil }
        let value = String(cString: text)
        return value.isEmpty ? nil : value
    }

    /// Keeps SIGTERM and SIGINT for `sigwait`, and makes a closed socket an error instead of a signal.
    private static func holdSignals() -> sigset_t {
        signal(SIGPIPE, SIG_IGN)
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGINT)
        pthread_sigmask(SIG_BLOCK, &set, nil)
        return set
    }

    private static func print(_ text: String, to descriptor: Int32 = STDOUT_FILENO) {
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while let base = rest.baseAddress, !rest.isEmpty {
                let count = Glibc.write(descriptor, base, rest.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }
}
