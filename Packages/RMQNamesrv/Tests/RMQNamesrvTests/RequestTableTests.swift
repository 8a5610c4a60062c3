import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

@testable import RMQNamesrv

/// The rows of the codes, and what is asked before a handler runs.
@Suite(.takesTurns) struct RequestTableTests {
    /// Every code that the protocol names.
    private static let codes = (0...1_000 as ClosedRange<Int32>).map { RequestCode(rawValue: $0) }.filter { $0.name != nil }

    @Test func noCodeIsForgotten() {
        #expect(Self.codes.count >= 95)
        for code in Self.codes { #expect(NameServerRequests.table[code] != nil, "\(code) has no row") }
        for number in 0...1_000 as ClosedRange<Int32> where RequestCode(rawValue: number).name == nil {
            #expect(NameServerRequests.table[RequestCode(rawValue: number)] == nil, "\(number) has a row and no name")
        }
    }

    /// What another server serves, this one does not.
    @Test func thoseForOthersAreNotServed() {
        for code in [RequestCode.sendMessage, .pullMessage, .getBrokerRuntimeInfo, .heartBeat] {
            guard case .forBrokers? = NameServerRequests.table[code]?.work else { Issue.record("\(code) is not for brokers"); continue }
        }
        for code in [RequestCode.notifyConsumerIdsChanged, .pushReplyMessageToClient] {
            guard case .forClients? = NameServerRequests.table[code]?.work else { Issue.record("\(code) is not for clients"); continue }
        }
    }

    /// Knows one administrator, by a word in the request, and writes down what it was asked.
    private final class WordControl: AccessControl {
        let asked = Mutex<[RequestCode]>([])

        func check(_ request: RemotingCommand, needing access: RequestAccess, from remote: HostAddress) throws {
            asked.withLock { $0.append(request.requestCode) }
            guard case .administrator = access, request.fields?["word"]?.isExactly("sesame") != true else { return }
            throw Refusal(.noPermission, "\(request.requestCode) is for administrators, not for \(remote.port > 0 ? "you" : "nobody")")
        }
    }

    @Test func whatChangesSomethingIsForAdministrators() async throws {
        let control = WordControl()
        try await Bench.run(accessControl: control) { bench in
            let put: HeaderFields = ["namespace": "N", "key": "k", "value": "v"]
            let refused = try await bench.ask(.putKvConfig, fields: put)
            #expect(refused.responseCode == .noPermission)
            #expect(refused.remark == "PUT_KV_CONFIG(100) is for administrators, not for you")
            #expect(try await bench.ask(.getKvConfig, fields: put).responseCode == .queryNotFound, "nothing was put")

            var allowed = put
            allowed["word"] = "sesame"
            #expect(try await bench.ask(.putKvConfig, fields: allowed).responseCode == .success)
            #expect(try await bench.ask(.getKvConfig, fields: put).fields?["value"] == "v")

            #expect(try await bench.register().responseCode == .noPermission)
            #expect(try await bench.route("T") == nil)
            let changing: [RequestCode] = [
                .unregisterBroker, .queryDataVersion, .wipeWritePermOfBroker, .addWritePermOfBroker, .deleteTopicInNamesrv, .deleteKvConfig,
                .updateNamesrvConfig, .getNamesrvConfig,
            ]
            for code in changing {
                let answer = try await bench.ask(code)
                #expect(answer.responseCode == .noPermission, "\(code)")
            }
            let reading: [RequestCode] = [
                .getBrokerClusterInfo, .getAllTopicListFromNameserver, .getTopicsByCluster, .getSystemTopicListFromNs, .getUnitTopicList,
                .getHasUnitSubTopicList, .getHasUnitSubUnunitTopicList,
            ]
            for code in reading {
                let answer = try await bench.ask(code)
                #expect(answer.responseCode == .success, "\(code)")
            }
        }
        let served = Self.codes.filter { code in
            if case .served? = NameServerRequests.table[code]?.work { true } else { false }
        }
        let asked = control.asked.withLock { $0 }
        #expect(Set(served).subtracting(asked) == [.getKvlistByNamespace], "all others were asked for above")
    }

    /// A one-way request that is refused changes nothing either.
    @Test func aRefusedOneWayRequestChangesNothing() async throws {
        try await Bench.run(accessControl: WordControl()) { bench in
            let put: HeaderFields = ["namespace": "N", "key": "k", "value": "v"]
            try await bench.client.sendOneway(RemotingCommand(code: RequestCode.putKvConfig.rawValue, fields: put), to: bench.address)
            #expect(try await bench.ask(.getKvConfig, fields: put).responseCode == .queryNotFound)
        }
    }
}
