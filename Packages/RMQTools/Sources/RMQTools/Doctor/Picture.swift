import RMQClient
import RMQCommon

/// What `doctor` knows of a cluster: facts alone. What is wrong with them is told by the checks, which ask nobody.
struct Picture {
    /// What one name server says of the cluster.
    struct NameServer {
        var address: String
        var info: Result<ClusterInfo, ClientError>
    }

    struct Broker {
        var cluster: String
        var name: String
        var id: Int64
        var address: String
        var runtime: Result<[ByteText: String], ClientError>
        /// Empty when the broker does not tell.
        var configuration: [ByteText: String] = [:]
        /// Milliseconds since 1970 by this machine's clock when `runtime` came.
        var askedAt: Int64

        var isMaster: Bool { id == 0 }
        /// As findings name it.
        var title: String { "broker \(name):\(id) (\(address))" }
        /// Its runtime values; none when it was not reached.
        var values: [ByteText: String] { (try? runtime.get()) ?? [:] }
    }

    /// One consumer of a group, as it tells itself.
    struct Member {
        var clientId: String
        var subscriptions: [SubscriptionData]
    }

    struct Group {
        var name: String
        /// As the brokers say that answered; nil when none did.
        var stats: ConsumeStats?
        /// Whether a consumer is connected; nil when that is not known.
        var isConsumed: Bool?
        /// Those that told.
        var members: [Member] = []
    }

    /// A question without an answer.
    struct Unanswered {
        /// What was asked for: "the progress of group billing".
        var question: String
        var error: ClientError
    }

    var nameServers: [NameServer] = []
    var brokers: [Broker] = []
    var routes: [ByteText: TopicRouteData] = [:]
    /// How many messages are in a group's dead letters, by group, as far as the brokers answered.
    var deadLetters: [ByteText: Int64] = [:]
    var groups: [Group] = []
    /// What is missing in all of this. That a server was not reached is told there, with it.
    var unanswered: [Unanswered] = []
    /// Milliseconds since 1970.
    var takenAt: Int64 = 0
}
