import Glibc
import RMQClient
import RMQCommon
import RMQRemoting

/// `mqbench benchmark PROGRAM`: the reference's benchmark programs by their names, options and lines, for scripts and people who know those.
enum Benchmark {
    /// - Parameter words: those behind `benchmark`.
    static func run(_ words: [String]) async -> Int32 {
        do {
            let rest = Array(words.dropFirst())
            switch ByteText(words.first ?? "") {
            case "producer": return try await run(BenchmarkProducer.options, rest, BenchmarkProducer.run)
            case "batchproducer": return try await run(BenchmarkBatchProducer.options, rest, BenchmarkBatchProducer.run)
            case "consumer": return try await run(BenchmarkConsumer.options, rest, BenchmarkConsumer.run)
            case "tproducer": return try await run(BenchmarkTransactions.options, rest, BenchmarkTransactions.run)
            default:
                throw BenchError(misuse: "mqbench benchmark has the programs producer, batchproducer, consumer and tproducer; -h behind one shows its options")
            }
        } catch {
            FailureOutput.write("mqbench: \(error)\n")
            return (error as? BenchError)?.isMisuse == true ? 2 : 1
        }
    }

    private static func run(
        _ declared: [BenchmarkOption], _ words: [String], _ program: (BenchmarkWords) async throws -> Void
    ) async throws -> Int32 {
        let words = try BenchmarkWords(words, declared: declared)
        if words.asksForHelp {
            print(BenchmarkWords.help(declared))
        } else {
            try await program(words)
        }
        return 0
    }

    /// A line of output, which whoever reads a log file sees at once.
    static func say(_ line: String) {
        print(line)
        fflush(nil)
    }
}

/// One option of a benchmark program: `-w,--threadCount <arg>`. All of them take a value, flags too: `-k true`.
struct BenchmarkOption {
    let short: String
    let long: String
    let text: String

    init(_ short: String, _ long: String, _ text: String) { (self.short, self.long, self.text) = (short, long, text) }

    static let nameServers = BenchmarkOption("n", "namesrvAddr", "Name server address list, eg: '192.168.0.1:9876;192.168.0.2:9876'")
    static let topic = BenchmarkOption("t", "topic", "Topic name, Default: BenchmarkTest")
    static let trace = BenchmarkOption("m", "msgTraceEnable", "Message Trace Enable, Default: false")
    static let acl = BenchmarkOption("a", "aclEnable", "Whether requests are signed, Default: false")
    static let accessKey = BenchmarkOption("ak", "accessKey", "The account that signs, Default: rocketmq2")
    static let secretKey = BenchmarkOption("sk", "secretKey", "Its secret, Default: 12345678")
}

/// The words behind a benchmark program.
struct BenchmarkWords {
    private(set) var asksForHelp = false
    private var values: [ByteText: String] = [:]

    init(_ words: [String], declared: [BenchmarkOption]) throws(BenchError) {
        var words = words[...]
        while let word = words.popFirst() {
            if word.isExactly("-h") || word.isExactly("--help") {
                asksForHelp = true
                continue
            }
            guard let option = declared.first(where: { word.isExactly("-" + $0.short) || word.isExactly("--" + $0.long) }) else {
                throw BenchError(misuse: "there is no option '\(word)'; -h shows the options")
            }
            guard let value = words.popFirst() else { throw BenchError(misuse: "\(word) needs a value: \(option.text)") }
            values[ByteText(option.short)] = value.trimmedOfSpace
        }
    }

    static func help(_ declared: [BenchmarkOption]) -> String {
        let heads = declared.map { " -\($0.short),--\($0.long) <arg>" }
        let column = (heads.map(\.utf8.count).max() ?? 0) + 3
        return zip(heads, declared).map { $0 + String(repeating: " ", count: column - $0.utf8.count) + $1.text }.joined(separator: "\n")
    }

    func text(_ short: String) -> String? { values[ByteText(short)] }

    func flag(_ short: String) -> Bool { text(short).map { $0.isExactlyIgnoringCase("true") } ?? false }

    func number(_ short: String, default fallback: Int, in range: ClosedRange<Int>) throws(BenchError) -> Int {
        guard let text = text(short) else { return fallback }
        guard let number = Int(text), range.contains(number) else {
            throw BenchError(misuse: "-\(short) is '\(text)', allowed is a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// From 0 to 1.
    func rate(_ short: String) throws(BenchError) -> Double {
        guard let text = text(short) else { return 0 }
        guard let rate = Double(text), (0...1).contains(rate) else {
            throw BenchError(misuse: "-\(short) is '\(text)', allowed is a part from 0 to 1, as in 0.25")
        }
        return rate
    }

    /// Of the client that all programs use. Headers are binary, as theirs.
    /// - Parameters:
    ///   - account: the options for the account that signs.
    func client(account: (name: String, secret: String) = ("ak", "sk"), defaultSecret: String = "12345678") -> RocketMQClient.Configuration {
        var configuration = RocketMQClient.Configuration(nameServers: text("n") ?? Environment.value("NAMESRV_ADDR") ?? "127.0.0.1:9876")
        configuration.headers = .rocketmq
        if flag("m") { configuration.tracing = .enabled() }
        if flag("a") {
            configuration.credentials = Credentials(accessKey: text(account.name) ?? "rocketmq2", secretKey: text(account.secret) ?? defaultSecret)
        }
        return configuration
    }

    var topic: String { text("t") ?? SystemTopic.benchmark }
}
