@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct ServerRequestTests {
    private struct Trouble: Error {}

    @Test func aCodeThatNobodyAnswersIsUnknown() async {
        let requests = ServerRequests(logger: .silent)
        let answer = await requests.answer(RemotingCommand(.getConsumerRunningInfo), from: "10.0.0.1:10911")
        #expect(answer?.responseCode == .requestCodeNotSupported)
        #expect(answer?.remark?.contains("307") == true)
    }

    @Test func theHandlerOfTheCodeAnswersAndLearnsWhoAsks() async {
        let requests = ServerRequests(logger: .silent)
        requests.register(.getConsumerRunningInfo) { request in .response(.success, remark: request.server, body: request.command.body) }
        requests.register(.resetConsumerClientOffset) { _ in nil }
        let answer = await requests.answer(RemotingCommand(.getConsumerRunningInfo, body: [7]), from: "10.0.0.1:10911")
        #expect(answer?.responseCode == .success)
        #expect(answer?.remark == "10.0.0.1:10911")
        #expect(answer?.body == [7])
        #expect(await requests.answer(RemotingCommand(.resetConsumerClientOffset), from: "x") == nil)
    }

    @Test func anErrorIsAnswered() async {
        let requests = ServerRequests(logger: .silent)
        requests.register(.getConsumerRunningInfo) { _ in throw Trouble() }
        #expect(await requests.answer(RemotingCommand(.getConsumerRunningInfo), from: "x")?.responseCode == .systemError)
    }

    @Test func moreThanItsShareIsRefusedAndLaterServedAgain() async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { client in
                let (door, question) = (Door(), RemotingCommand(.getConsumerRunningInfo))
                client.core.serverRequests.register(.getConsumerRunningInfo) { _ in
                    await door.pass()
                    return .response(.success)
                }
                _ = try await client.makeProducer(group: "p").send(Message(topic: "T", text: "x"))
                try await eventually("a heartbeat") { !cluster.asked(.heartBeat).isEmpty }
                try await withThrowingDiscardingTaskGroup { group in
                    defer { door.open() }
                    for _ in 0..<RemotingClient.mostServerRequests {
                        group.addTask { _ = try await cluster.ask(question, of: client.clientId) }
                    }
                    try await eventually("all are in hand") { door.waitingCount == RemotingClient.mostServerRequests }
                    #expect(try await cluster.ask(question, of: client.clientId).responseCode == .systemBusy)
                }
                try await eventually("it serves again") { try await cluster.ask(question, of: client.clientId).responseCode == .success }
            }
        }
    }

    @Test func aServerIsAnsweredOverItsConnection() async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                try await producer.send(Message(topic: "T", text: "x"))
                try await eventually("a heartbeat") { !cluster.asked(.heartBeat).isEmpty }
                let answer = try await cluster.ask(RemotingCommand(RequestCode(rawValue: 9_999)), of: client.clientId)
                #expect(answer.responseCode == .requestCodeNotSupported)
            }
        }
    }
}
