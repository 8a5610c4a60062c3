import CRMQSystem
import RMQClient
import RMQCommon
import RMQRemoting

/// The program `mqbench`: loads a cluster and says how it did.
public enum BenchCommand {
    /// - Parameter arguments: the words behind the program's name.
    /// - Returns: the exit status: 0 fine, 1 the run failed or messages were refused, 2 it was asked for wrongly.
    public static func run(_ arguments: [String]) async -> Int32 {
        crmq_ignore_sigpipe()
        if arguments.first.isExactly("benchmark") { return await Benchmark.run(Array(arguments.dropFirst())) }
        guard let name = arguments.first, !arguments.containsExactly("--help"), !arguments.containsExactly("-h"), !name.isExactly("help") else {
            print(BenchHelp.text)
            return arguments.isEmpty ? 2 : 0
        }
        do {
            var options = try BenchOptions(arguments.dropFirst(), flags: ["client", "subscribed", "tls"])
            switch ByteText(name) {
            case "producer": try await ProducerBench.run(&options)
            case "raw": try await ProducerBench.runRaw(&options)
            case "consumer": try await ConsumerBench.run(&options)
            case "drain": try await DrainBench.run(&options)
            case "idle": try await IdleBench.run(&options)
            case "handshakes": try await HandshakeBench.run(&options)
            case "latency": try await LatencyBench.run(&options)
            case "soak": try await SoakBench.run(&options)
            case "yardstick": try await Yardstick.run(&options)
            default: throw BenchError(misuse: "there is no command '\(name)'; the commands are producer, consumer, drain, handshakes, idle, latency, raw, soak, yardstick")
            }
            return 0
        } catch {
            let isMisuse = (error as? BenchError)?.isMisuse == true
            FailureOutput.write("mqbench: \(error)\n" + (isMisuse ? "mqbench --help shows the commands and their options\n" : ""))
            return isMisuse ? 2 : 1
        }
    }
}

/// BenchOptions that several commands share.
extension BenchOptions {
    /// - Parameter usual: what is taken where nothing is said.
    mutating func serialization(usual: String = "json") throws(BenchError) -> HeaderSerialization {
        switch ByteText(text("serialization", default: usual)) {
        case "json": return .json
        case "binary": return .rocketmq
        case let other: throw BenchError(misuse: "--serialization is '\(other)', allowed are json and binary")
        }
    }

    mutating func kind() throws(BenchError) -> LoadKind {
        let text = text("kind", default: LoadKind.plain.rawValue)
        guard let kind = LoadKind.allCases.first(where: { $0.rawValue.isExactly(text) }) else {
            throw BenchError(misuse: "--kind is '\(text)', allowed are \(LoadKind.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return kind
    }

    mutating func nameServers() -> String { text("namesrv") ?? Environment.value("NAMESRV_ADDR") ?? "127.0.0.1:9876" }

    /// A Swift client, encrypted with `--tls`.
    mutating func client() -> RocketMQClient.Configuration {
        var configuration = RocketMQClient.Configuration(nameServers: nameServers())
        guard flag("tls") else { return configuration }
        configuration.tls = TLSConfiguration()
        configuration.tls?.verifiesServer = false
        return configuration
    }

    /// What encrypts the connections of the load generator, with `--tls`. Whom it loads is not checked.
    mutating func tls() throws(BenchError) -> TLSClient? { flag("tls") ? try Self.anyServer() : nil }

    static func anyServer() throws(BenchError) -> TLSClient {
        var settings = TLSClientSettings()
        settings.verifiesServer = false
        do throws(TLSError) { return try TLSClient(settings) } catch { throw BenchError("\(error)") }
    }

    /// The account to sign requests with; nil for none.
    mutating func account() throws(BenchError) -> (accessKey: String, secretKey: String)? {
        switch (text("access-key"), text("secret-key")) {
        case (nil, nil): return nil
        case (let accessKey?, let secretKey?): return (accessKey, secretKey)
        case (_, _): throw BenchError(misuse: "--access-key and --secret-key belong together: the account, and what it signs with")
        }
    }

    /// The same for frames that are made here.
    mutating func signer() throws(BenchError) -> RequestSigner? {
        guard let (accessKey, secretKey) = try account() else { return nil }
        guard let signer = RequestSigner(accessKey: accessKey, secretKey: secretKey) else {
            throw BenchError("this system's OpenSSL does not offer HMAC-SHA1, by which requests are signed")
        }
        return signer
    }

    /// A broker to talk to without a name server.
    mutating func address() throws(BenchError) -> HostAddress? {
        guard let text = text("address") else { return nil }
        guard let address = HostAddress(text) else {
            throw BenchError(misuse: "--address is '\(text)', expected is an IP address and a port, as 127.0.0.1:10911")
        }
        return address
    }

    /// The queues to use where no name server tells them.
    mutating func queues() throws(BenchError) -> [Int32] {
        let first = Int32(try number("queue", default: 0, in: 0...65_535))
        let count = Int32(try number("queues", default: 4, in: 1...65_536))
        return Array(first..<first + count)
    }

    /// How long: a number of messages, a time, or ten seconds.
    mutating func extent() throws(BenchError) -> (messages: Int?, duration: Duration?) {
        let messages = try number("messages", in: 1...1_000_000_000_000)
        let seconds = try number("seconds", in: 1...86_400)
        if messages == nil, seconds == nil { return (nil, .seconds(10)) }
        return (messages, seconds.map { .seconds($0) })
    }
}
