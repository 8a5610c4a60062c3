import Glibc
import RMQCommon
import RMQRemoting

/// The program `mqnamesrv`: arguments in, exit status out.
public struct NameServerProgram {
    /// Exit statuses of the reference; a shell sees the low byte.
    public enum ExitStatus {
        /// It was stopped, or did what its options asked.
        public static let success: Int32 = 0
        /// The arguments are not understood, or `-t` found that a start would fail.
        public static let usage: Int32 = 1
        /// The configuration cannot be honoured.
        public static let notInitialised: Int32 = -3
        /// A file is unreadable, a value is bad, the port is taken.
        public static let failed: Int32 = -1
    }

    private static let options = CommandOption.common + [
        CommandOption("c", "configFile", "Name server config properties file"),
        .flag("p", "printConfigItem", "Print all config items"),
        .testConfig,
        .version,
    ]

    private let arguments: [String]

    /// - Parameter arguments: without the program's name.
    public init(arguments: [String]) { self.arguments = arguments }

    /// Runs until it is asked to stop (`ProcessSignals`), and returns what to exit with. Call it first thing in `main`.
    public func run() -> Int32 {
        ProcessSignals.holdTermination()
        let usage = CommandUsage.text(program: "mqnamesrv", options: Self.options)
        let options: CommandOptions
        do {
            options = try CommandOptions(arguments, declared: Self.options)
        } catch {
            Console.write(usage)
            Console.writeError("mqnamesrv: \(error)\n")
            return ExitStatus.usage
        }
        if options.has("h") {
            Console.write(usage)
            return ExitStatus.success
        }
        if options.has("v") {
            Console.write(ProgramVersion.line(of: "mqnamesrv") + "\n")
            return ExitStatus.success
        }
        var configuration = NameServerConfiguration()
        var warnings: [String] = []
        let serialization: String
        do throws(ConfigurationError) {
            if let file = options["c"] {
                warnings = try configuration.apply(Configuration(file: file).pairs)
                configuration.configStorePath = file
                Console.write("load config properties file OK, \(file)\n")
            }
            serialization = try serializationName()
        } catch {
            Console.writeError("mqnamesrv: \(error)\n")
            return options.has("t") ? ExitStatus.usage : ExitStatus.failed
        }
        for warning in warnings { Console.writeError("mqnamesrv: \(warning)\n") }
        if options.has("p") {
            for setting in NameServerConfiguration.settings.all { Console.write(Self.printed("\(setting.key)=\(setting.text(in: configuration) ?? "")")) }
            return ExitStatus.success
        }
        if options.has("t") { return check(configuration, file: options["c"]) }
        return serve(configuration, warnings, serialization: serialization)
    }

    /// `-t`: tells what a start would warn of or refuse, and opens no port.
    private func check(_ configuration: NameServerConfiguration, file: String?) -> Int32 {
        let loops = EventLoopGroup(count: 1, name: "namesrv")
        defer { loops.stop() }
        do throws(NameServerError) {
            let logger = Logger(category: "RocketmqNamesrv", sink: LevelSink(.warning, ConsoleSink()))
            try NameServer(configuration: configuration, logger: logger, loops: loops).stop()
        } catch {
            Console.writeError("mqnamesrv: \(error)\n")
            return ExitStatus.usage
        }
        Console.write("mqnamesrv: the configuration \(file.map { "of \($0) " } ?? "")can be started with\n")
        return ExitStatus.success
    }

    private func serve(_ configuration: NameServerConfiguration, _ warnings: [String], serialization: String) -> Int32 {
        OpenFiles.raiseLimit()
        let logger = Logger(category: "RocketmqNamesrv", sink: Self.logSink())
        for warning in warnings { logger.warning(warning) }
        for (key, value) in configuration.items { logger.info("\(key)=\(value)") }
        let loops = EventLoopGroup(count: configuration.eventLoops, name: "namesrv")
        defer { loops.stop() }
        let server: NameServer
        do throws(NameServerError) {
            server = try NameServer(configuration: configuration, logger: logger, loops: loops)
            try server.start()
        } catch {
            logger.error("\(error)")
            Console.writeError("mqnamesrv: \(error)\n")
            if case .unsupported = error { return ExitStatus.notInitialised }
            return ExitStatus.failed
        }
        let message = "The Name Server boot success. serializeType=\(serialization)"
        logger.info(message)
        Console.write(message + "\n")

        let signal = ProcessSignals.waitForTermination {
            logger.warning("SIGQUIT: there is no thread dump here; the name server goes on, SIGTERM stops it")
        }
        logger.info("shutdown hook was invoked, 1 times. (\(signal))")
        let start = MonotonicInstant.now
        server.stop()
        logger.info("shutdown hook done, consuming time total(ms): \((MonotonicInstant.now - start).milliseconds)")
        return ExitStatus.success
    }

    /// Where the reference logs to; standard error when that folder cannot be written.
    private static func logSink() -> any LogSink {
        let path = Environment.logFolder + "/namesrv.log"
        do {
            return try RollingFileSink(path: path, byteLimit: 100 << 20, keptFiles: 5)
        } catch {
            Console.writeError("mqnamesrv: logging to standard error: \(error)\n")
            return ConsoleSink()
        }
    }

    /// The header serialization that the reference would use for headers of its own. A name server originates
    /// none and answers each peer in the peer's form, so this is only checked and shown.
    private func serializationName() throws(ConfigurationError) -> String {
        let name = Configuration.trimmed(Environment.value("ROCKETMQ_SERIALIZE_TYPE") ?? "JSON")
        guard ["JSON", "ROCKETMQ"].containsExactly(name) else {
            throw .badValue(key: "ROCKETMQ_SERIALIZE_TYPE", value: name, allowed: "JSON or ROCKETMQ")
        }
        return name
    }

    /// A line of `-p`: the reference prints it through a logger that is not configured yet.
    private static func printed(_ line: String) -> String {
        let now = CalendarTime(milliseconds: WallClock.nowMilliseconds())
        let time = [now.hour, now.minute, now.second].map { Decimal.text($0, digits: 2) }.joined(separator: ":")
        return "\(time).\(Decimal.text(now.millisecond, digits: 3)) [main] INFO RocketmqNamesrvConsole - \(line)\n"
    }
}
