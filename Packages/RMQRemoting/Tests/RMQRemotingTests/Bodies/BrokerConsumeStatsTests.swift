import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct BrokerConsumeStatsTests {
    @Test func recordedAnswersAreReadByGroup() throws {
        var groups: Set<ByteText> = []
        for golden in try Golden.frames where golden.isResponse && golden.requestCode == RequestCode.getBrokerConsumeStats.rawValue {
            guard let text = golden.bodyText else { continue }
            let stats = try BrokerConsumeStats(json: try JSONValue(parsing: text))
            groups.formUnion(stats.groups.keys)
        }
        #expect(!groups.isEmpty)
    }

    @Test func groupsWithAndWithoutQueues() throws {
        let text = #"{"brokerAddr":"10.0.0.1:10911","consumeStatsList":[{"cg":[{"consumeTps":1.25,"offsetTable":{{"brokerName":"b","queueId":0,"topic":"T"}:{"brokerOffset":100,"consumerOffset":90,"lastTimestamp":17}}}]},{"idle":[]}],"totalDiff":10}"#
        let stats = try BrokerConsumeStats(json: try JSONValue(parsing: text))
        #expect(stats.totalDifference == 10)
        #expect(stats.groups["idle"]?.isEmpty == true)
        #expect(stats.groups["cg"]?.first?.queues[MessageQueue(topic: "T", brokerName: "b", queueId: 0)]?.consumerOffset == 90)
    }
}
