@testable import RMQClient
import RMQCommon
import RMQTestSupport
import Testing

/// Every way to divide queues: the shares are those of the reference, and no queue has two members or none.
@Suite(.takesTurns) struct AllocationTests {
    private static func queues(_ count: Int32, of brokers: [String] = ["a"]) -> [MessageQueue] {
        brokers.flatMap { broker in (0..<count).map { MessageQueue(topic: "T", brokerName: broker, queueId: $0) } }
    }

    /// `a0` for queue 0 of broker a.
    private static func shares(_ allocation: some QueueAllocation, _ queues: [MessageQueue], _ members: [String]) throws -> [[String]] {
        try members.map { try allocation.allocate(queues: queues, members: members, to: $0).map { "\($0.brokerName)\($0.queueId)" } }
    }

    /// The room is what stands before the `@`.
    private struct NameRooms: RoomResolver {
        func room(of queue: MessageQueue) -> String { queue.brokerName.cut(atFirst: "@")?.before ?? "" }
        func room(ofMember clientId: String) -> String { clientId.cut(atFirst: "@")?.before ?? "" }
    }

    @Test func allStrategiesHaveTheReferencesNames() {
        let strategies: [any QueueAllocation] = [
            .averaged, .circular, .fixed([MessageQueue]()), .rooms(["r"]), .nearby(NameRooms()), .nearby(NameRooms(), inner: .circular), .consistentHash(),
        ]
        #expect(strategies.map(\.name) == [
            "AVG", "AVG_BY_CIRCLE", "CONFIG", "MACHINE_ROOM", "MACHINE_ROOM_NEARBY-AVG", "MACHINE_ROOM_NEARBY-AVG_BY_CIRCLE", "CONSISTENT_HASH",
        ])
    }

    /// The same number of queues and members for all: each queue has one member.
    @Test(arguments: [
        .averaged, .circular, .rooms(["r", "s"]), .nearby(NameRooms()), .nearby(NameRooms(), inner: .circular), .consistentHash(),
        .consistentHash(placesPerMember: 1),
    ] as [any QueueAllocation])
    func everyQueueHasExactlyOneMember(allocation: any QueueAllocation) throws {
        for queueCount in Int32(0)...9 {
            for memberCount in 1...7 {
                let queues = Self.queues(queueCount, of: ["r@1", "r@2", "s@1"])
                let members = (0..<memberCount).map { "\(["r", "s", "t"][$0 % 3])@\($0)" }.sorted(by: utf16Precedes)
                let all = try members.flatMap { try allocation.allocate(queues: queues, members: members, to: $0) }
                #expect(all.sorted() == queues, "\(allocation.name) with \(queues.count) queues and \(memberCount) members")
                #expect(try allocation.allocate(queues: queues, members: members, to: "x@nobody") == [])
            }
        }
    }

    @Test func aFixedListIsForItsMemberWhoeverElseIsThere() throws {
        let queues = Self.queues(4)
        let other = MessageQueue(topic: "Other", brokerName: "a", queueId: 0)
        let allocation = FixedAllocation([queues[3], queues[1], other])
        #expect(try Self.shares(allocation, queues, ["m", "n"]) == [["a1", "a3"], ["a1", "a3"]])
        #expect(allocation.allocate(queues: [other], members: ["m"], to: "m") == [other])
    }

    /// What does not divide evenly comes behind the even shares: queue i + n·⌊q/n⌋ for member i.
    @Test func roomsAreReadFromTheNamesOfBrokers() throws {
        let queues = Self.queues(3, of: ["r1@x", "r2@y", "r3@z", "r1", "r1@x@y"]) + Self.queues(2, of: ["@r1"])
        #expect(try Self.shares(.rooms(["r1", "r2"]), queues, ["m1", "m2"]) == [["r1@x0", "r1@x1", "r1@x2"], ["r2@y0", "r2@y1", "r2@y2"]])
        #expect(try Self.shares(.rooms(["r1", "r2"]), queues, ["m1", "m2", "m3", "m4"]) == [
            ["r1@x0", "r2@y1"], ["r1@x1", "r2@y2"], ["r1@x2"], ["r2@y0"],
        ])
        #expect(try Self.shares(.rooms(["nowhere"]), queues, ["m1", "m2"]) == [[], []])
    }

    @Test func nearbyQueuesComeFirstAndThoseOfDesertedRoomsAreShared() throws {
        let queues = Self.queues(2, of: ["east@1", "north@1", "south@1", "west@1"])
        let members = ["east@m", "west@m", "west@n"]
        // East has one member and west two; north and south have none, so all three share their queues, room by room.
        #expect(try Self.shares(.nearby(NameRooms()), queues, members) == [
            ["east@10", "east@11", "north@10", "south@10"], ["west@10", "north@11", "south@11"], ["west@11"],
        ])
    }

    @Test func aRoomThatIsNotKnownStopsTheSharing() {
        let queues = Self.queues(2, of: ["east@1", "nowhere"])
        #expect(throws: (any Error).self) { try Self.shares(.nearby(NameRooms()), queues, ["east@m"]) }
        #expect(throws: (any Error).self) { try Self.shares(.nearby(NameRooms()), Self.queues(1, of: ["east@1"]), ["east@m", "nowhere"]) }
        let error = #expect(throws: ClientError.self) {
            try RebalancePlan.share(of: "east@m", queues: queues, members: ["east@m"], allocation: .nearby(NameRooms()))
        }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains("nowhere") == true)
    }

    /// Made with the reference's algorithm by another program.
    @Test(arguments: [
        (["m0"], [["a0", "a1", "a2", "a3", "a4", "a5", "b0", "b1", "b2", "b3", "b4", "b5"]]),
        (["m0", "m1"], [["a0", "a2", "a3", "a4", "a5", "b1", "b3", "b4", "b5"], ["a1", "b0", "b2"]]),
        (["m0", "m1", "m2"], [["a0", "a2", "a4", "a5", "b1", "b5"], ["a1", "b2"], ["a3", "b0", "b3", "b4"]]),
        (["10.0.0.1@1", "10.0.0.2@2", "が@3"], [["a0", "a2", "a3", "a5", "b1", "b4", "b5"], ["a1", "a4", "b0", "b3"], ["b2"]]),
    ])
    func theRingIsThatOfTheReference(members: [String], expected: [[String]]) throws {
        #expect(try Self.shares(.consistentHash(), Self.queues(6, of: ["a", "b"]), members) == expected)
    }

    @Test func theHashOfTheRingCanBeReplaced() throws {
        // All members stand at 1: the last one has the place. Queues stand at 0 and find it, or at 2 and go round to it.
        for place in [0, 2] as [UInt64] {
            let ring = ConsistentHashAllocation(placesPerMember: 2) { $0.hasBytePrefix("MessageQueue") ? place : 1 }
            #expect(try Self.shares(ring, Self.queues(2), ["m", "n"]) == [[], ["a0", "a1"]])
        }
        #expect(try Self.shares(ConsistentHashAllocation(placesPerMember: 0), Self.queues(2), ["m"]) == [[]])
    }

    /// A ring is taken for this: who leaves takes no queue from those who stay.
    @Test func aMemberThatLeavesMovesItsOwnQueuesAlone() throws {
        let queues = Self.queues(50)
        let members = (0..<5).map { "m\($0)" }
        let before = try members.map { try ConsistentHashAllocation().allocate(queues: queues, members: members, to: $0) }
        let rest = Array(members.dropLast())
        for (index, member) in rest.enumerated() {
            let after = try ConsistentHashAllocation().allocate(queues: queues, members: rest, to: member)
            #expect(Set(before[index]).isSubset(of: after))
        }
    }
}
