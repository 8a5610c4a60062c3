import RMQCommon
import RMQTestSupport
import Testing

@testable import RMQBroker

/// Which broker a slave asks, and from which one it takes the log: they have to be the same.
@Suite(.takesTurns) struct MasterPlaceTests {
    /// The two addresses; nil when there is no master.
    private func place(configured: String, registered: (address: String, replicationAddress: String)?) -> [String]? {
        var configuration = BrokerConfiguration()
        configuration.replication.masterAddress = configured
        let state = ReplicationState(
            LiveConfiguration(configuration, clock: Clocks.system.wall), epochs: EpochTable(path: "/nowhere/epochs.json", logger: .silent))
        if let registered { state.register(masterAddress: registered.address, replicationAddress: registered.replicationAddress) }
        return state.master.map { [$0.address ?? "", $0.replicationAddress] }
    }

    @Test func whatNameServersKnowCountsWhereNothingIsConfigured() {
        #expect(place(configured: "", registered: nil) == nil)
        #expect(place(configured: "", registered: ("a:10911", "a:10912")) == ["a:10911", "a:10912"])
    }

    @Test func theMainAddressBelongsToTheConfiguredPort() {
        #expect(place(configured: "b:10912", registered: nil) == ["b:10911", "b:10912"])
        #expect(
            place(configured: "b:10912", registered: ("a:10911", "a:10912")) == ["b:10911", "b:10912"],
            "another master that name servers know is not the one to compare with")
        #expect(
            place(configured: "b:10912", registered: ("c:9000", "b:10912")) == ["c:9000", "b:10912"],
            "who registered that port is, wherever it listens")
    }
}
