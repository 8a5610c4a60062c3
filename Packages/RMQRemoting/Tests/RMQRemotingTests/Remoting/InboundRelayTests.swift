import RMQCommon
import RMQTestSupport
import Synchronization
import Testing

@testable import RMQRemoting

/// What a server may ask of a client at once.
@Suite(.takesTurns) struct InboundRelayTests {
    /// A client whose server is a socket that the test speaks through; nobody answers until the door opens.
    private func withClient(_ body: (RawSocket, Gatekeeper, CollectedLog) async throws -> Void) async throws {
        let loopback = try Loopback()
        defer { loopback.stop() }
        let keeper = Gatekeeper()
        defer { keeper.open() }
        loopback.client.setRequestHandler { command, _ in await keeper.answer(command) }
        let listener = try RawListener()
        let meeting = Task { [client = loopback.client, port = listener.port] in
            try await client.sendOneway(RemotingCommand(code: 34), to: "127.0.0.1:\(port)", timeout: .generous)
        }
        let socket = try listener.accept()
        _ = try socket.receiveCommand()
        try await meeting.value
        try await body(socket, keeper, loopback.log)
    }

    private func frame(_ opaque: Int32, bytes: Int = 1, oneway: Bool = false) -> [UInt8] {
        RemotingCommand(code: 307, opaque: opaque, flag: oneway ? RemotingCommand.Flag.oneway : 0, body: [UInt8](repeating: 7, count: bytes)).encoded()
    }

    @Test func moreThanItsShareIsRefusedAtArrivalAndLaterServedAgain() async throws {
        try await withClient { socket, keeper, log in
            let share = Int32(RemotingClient.mostServerRequests)
            // What is not answered counts as well.
            for opaque in 1...share { socket.send(frame(opaque, oneway: opaque % 2 == 0)) }
            for opaque in share + 1...share + 100 {
                socket.send(frame(opaque))
                let refusal = try #require(try socket.receiveCommand())
                #expect(refusal.opaque == opaque)
                #expect(refusal.responseCode == .systemBusy)
            }
            #expect(log.contains("asks more than this client answers"))
            keeper.open()
            var answered: Set<Int32> = []
            for _ in 0..<share / 2 { answered.insert(try #require(try socket.receiveCommand()).opaque) }
            #expect(answered == Set(stride(from: 1, to: share, by: 2)))
            try await eventually("all are done with") { keeper.endedCount == Int(share) }
            try await eventually("it serves again") {
                socket.send(frame(9_999))
                return try socket.receiveCommand()?.responseCode == .success
            }
        }
    }

    @Test func largeRequestsAreBoundedInBytesAndOneIsAlwaysTaken() async throws {
        try await withClient { socket, keeper, _ in
            let large = 12 << 20
            for opaque in Int32(1)...3 { socket.send(frame(opaque, bytes: large)) }
            let refusal = try #require(try socket.receiveCommand())
            #expect(refusal.opaque == 3)
            #expect(refusal.responseCode == .systemBusy)
            keeper.open()
            let answered = try (1...2).map { _ in try #require(try socket.receiveCommand()).opaque }
            #expect(Set(answered) == [1, 2])
        }
    }
}

/// Answers well once it is opened, and until then not at all.
private final class Gatekeeper: Sendable {
    private struct State {
        var isOpen = false
        var endedCount = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }
    private let state = Mutex(State())

    var endedCount: Int { state.withLock { $0.endedCount } }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func answer(_ command: RemotingCommand) async -> RemotingCommand? {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
        state.withLock { $0.endedCount += 1 }
        return .response(.success)
    }
}
