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
            let words = line.map { $0 == "?" ? name : $0 } + ["--exit-code"]
            let known = try await Run(words, servers: Servers(Golden.answer))
            #expect(known.exitCode == 0 || !known.output.isEmpty || !known.errors.isEmpty, "\(words)")
            let refused = try await Run(words, servers: Servers { _, _ in .response(.topicNotExist, remark: "no such thing") })
            // A name that is taken for an option, or is empty, is refused before anybody is asked.
            let label = try #require(AdminTool.command(named: line[0])).label
            let isTold = refused.exitCode == 2 ? refused.errors.hasPrefix(label + " command failed\n") : refused.errors.hasPrefix(line[0] + ": ")
            #expect(refused.exitCode == 2 || refused.exitCode == 1 && ["", "-1"].contains(name), "\(words)")
            #expect(isTold, "\(words): \(refused.errors)")
        }
    }

    /// The answer to `updateOrderConf -m get` has no body, and an object without the members of a cluster is one without brokers, of which
    /// `getConsumerConfig` has nothing to say.
    @Test(arguments: lines)
    func answersThatCannotBeReadAreTold(_ line: [String]) async throws {
        let bodies: [[UInt8]] = [[0x7B, 0x00, 0xFF], Array("[1]".utf8), Array("{\"topicList\":{\"a\":[]},\"brokerDatas\":7}".utf8)]
        for (number, body) in bodies.enumerated() where line[0] != "updateOrderConf" && (line[0] != "getConsumerConfig" || number < 2) {
            let run = try await Run(line.map { $0 == "?" ? "x" : $0 } + ["--exit-code"], servers: Servers { _, _ in .response(.success, body: body) })
            #expect(run.exitCode == 2, "\(line): \(run.output)\(run.errors)")
        }
    }

    @Test(arguments: lines)
    func aMissingNameServerIsTold(_ line: [String]) async throws {
        let run = try await Run(line.map { $0 == "?" ? "x" : $0 } + ["--exit-code"], nameServer: "")
        #expect(run.exitCode == 2)
        #expect(run.errors.contains("no name server address is known\nWhat to do: give one with -n ip:port"))
    }
}
