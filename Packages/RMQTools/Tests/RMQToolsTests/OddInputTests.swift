import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Testing

/// Names that nobody has, and answers that are none: a sentence, and never a trap.
@Suite(.takesTurns) struct OddInputTests {
    /// Command lines in which `?` stands for a name.
    private static let lines: [[String]] = [
        ["updateTopicPerm", "-c", "GoldenCluster", "-t", "?", "-p", "6"], ["topicClusterList", "-t", "?"],
        ["updateOrderConf", "-t", "?", "-m", "get"], ["allocateMQ", "-t", "?", "-i", "?"], ["statsAll", "-t", "?"],
        ["deleteSubGroup", "-c", "GoldenCluster", "-g", "?"], ["getConsumerConfig", "-g", "?"], ["consumerConnection", "-g", "?"],
        ["consumerStatus", "-g", "?", "-i", "?"], ["resetOffsetByTime", "-g", "?", "-t", "?", "-s", "now"],
        ["skipAccumulatedMessage", "-g", "?", "-t", "?"], ["cloneGroupOffset", "-s", "?", "-d", "?", "-t", "?"],
        ["topicRoute", "-t", "?"], ["topicStatus", "-t", "?"], ["consumerProgress", "-g", "?"],
    ]
    private static let names = ["%RETRY%", "%RETRY%%RETRY%x", String(repeating: "x", count: 200), "a b", "größe\u{301}", "", "@", "\u{0}", "-1"]

    @Test(arguments: lines)
    func namesThatNobodyHas(_ line: [String]) async throws {
        for name in Self.names {
            for servers in [Servers(Golden.answer), Servers { _, _ in .response(.topicNotExist, remark: "no such thing") }] {
                let run = try await Run(line.map { $0 == "?" ? name : $0 }, servers: servers)
                #expect(run.exitCode == 0 || !run.errors.isEmpty, "\(line) \(name)")
            }
        }
    }

    @Test(arguments: lines)
    func answersThatCannotBeReadAreTold(_ line: [String]) async throws {
        for body in [[0x7B, 0x00, 0xFF], Array("[1]".utf8), Array("{\"topicList\":{\"a\":[]},\"brokerDatas\":7}".utf8)] as [[UInt8]] {
            let run = try await Run(line.map { $0 == "?" ? "x" : $0 } + ["--exit-code"], servers: Servers { _, _ in .response(.success, body: body) })
            #expect(run.exitCode == 2 || ["updateOrderConf", "getConsumerConfig"].contains(line[0]), "\(line): \(run.output)\(run.errors)")
        }
    }

    @Test(arguments: lines)
    func aMissingNameServerIsTold(_ line: [String]) async throws {
        let run = try await Run(line.map { $0 == "?" ? "x" : $0 } + ["--exit-code"], nameServer: "")
        #expect(run.exitCode == 2)
        #expect(run.errors.contains("no name server address is known\nWhat to do: give one with -n ip:port"))
    }
}
