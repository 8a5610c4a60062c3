import RMQCommon
import Synchronization

/// The routes that a client knows, by topic.
///
/// A topic that is gone keeps its last route, as in the reference. `state` is locked for moments only.
final class KnownRoutes: Sendable {
    private struct State {
        var routes: [ByteText: TopicRoute] = [:]
        /// When a failure last led to a question.
        var askedAfterFailure: [ByteText: MonotonicInstant] = [:]
    }

    /// A broker that goes down fails thousands of sends at once, and one question is enough for them.
    private static let pauseAfterFailure = Duration.seconds(1)

    private let state = Mutex(State())
    private let changes = Atomic(0)

    /// Counts the changes: what was derived from a route is as new as the route while this is the same.
    var version: Int { changes.load(ordering: .acquiring) }

    subscript(topic: String) -> TopicRoute? { state.withLock { $0.routes[topic] } }

    /// Stores a route.
    /// - Returns: whether it differs from the one known before.
    func store(_ route: TopicRoute) -> Bool {
        state.withLock { state in
            let old = state.routes.updateValue(route, forKey: ByteText(route.topic))
            let isChange = old != route
            if isChange { changes.wrappingAdd(1, ordering: .releasing) }
            return isChange
        }
    }

    /// Whether a failure is a reason to ask for the route now; true once in a while for each topic.
    func mayAskAfterFailure(_ topic: String, now: MonotonicInstant = .now) -> Bool {
        state.withLock { state in
            if let last = state.askedAfterFailure[topic], now < last + Self.pauseAfterFailure { return false }
            state.askedAfterFailure[topic] = now
            return true
        }
    }

    var topics: Set<ByteText> { state.withLock { Set($0.routes.keys) } }

    /// Every broker address that some route names.
    var brokerAddresses: (all: Set<ByteText>, masters: Set<ByteText>) {
        state.withLock { state in
            var all: Set<ByteText> = []
            var masters: Set<ByteText> = []
            for addresses in state.routes.values.flatMap(\.brokers.values) {
                all.formUnion(addresses.values)
                if let master = addresses[0] { masters.insert(master) }
            }
            return (all, masters)
        }
    }
}
