import Foundation
import RMQBroker
import RMQClient
import RMQCommon
import RMQRemoting
import RMQTools

// Every example of CONTRIBUTING.md, seen by a user of what it added. Ends with 1 at the first that does not work.

func expect(_ isSo: Bool, _ what: String) {
    print(isSo ? "ok      \(what)" : "FAILED  \(what)")
    if !isSo { exit(1) }
}

let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rocketmq-examples-\(UUID().uuidString)").path
defer { try? FileManager.default.removeItem(atPath: folder) }

// A header field and a body field: written and read again.
let header = QueryMessageHeader {
    $0.topic = "T"
    $0.newestFirst = true
}
expect(try QueryMessageHeader(header.fields).newestFirst, "a header field")
var connection = ClientConnection()
connection.zone = "west"
expect(try ClientConnection(body: connection.body).zone == "west", "a body field")

// A configuration key: read from a file, shown to tools, changed while the broker runs.
var configuration = BrokerConfiguration()
configuration.listener.port = 0
configuration.store.rootDirectory = folder
let warnings = try configuration.apply([("shownMessages", "12")])
expect(warnings.isEmpty && configuration.shownMessages == 12, "a configuration key, from a file")

let broker = try Broker(configuration: configuration, logger: .silent)
try broker.start()
defer { broker.stop() }
let loops = EventLoopGroup(count: 1, name: "examples")
let client = RemotingClient(loops: loops, logger: .silent)
defer { client.close() }
let address = "127.0.0.1:\(broker.port)"

func ask(_ code: RequestCode, body: String = "") async throws -> RemotingCommand {
    var request = RemotingCommand(code)
    request.body = Array(body.utf8)
    return try await client.request(request, to: address, timeout: .seconds(60))
}

var answer = try await ask(.updateBrokerConfig, body: "shownMessages=7\n")
expect(answer.responseCode == .success, "a configuration key, changed by command")
answer = try await ask(.getBrokerConfig)
expect(String(decoding: answer.body, as: UTF8.self).contains("shownMessages=7\n"), "a configuration key, shown to tools")

// A request code, and a statistic.
answer = try await ask(RequestCode(rawValue: 9_001))
expect(answer.responseCode == .success && answer.remark == address, "a request code")
let admin = Admin(nameServers: [])
defer { admin.close() }
expect(try await admin.brokerRuntimeInfo(at: address).table["segmentBytes"] == "\(configuration.store.segmentBytes)", "a statistic")

// An admin command.
let output = CapturedOutput()
let status = await AdminTool(output: output) { _ in nil }.run(["brokerPing", "-b", address])
expect(status == 0 && output.output == "\(address) is there\n", "an admin command")
