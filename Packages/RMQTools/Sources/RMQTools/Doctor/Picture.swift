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
        var stats: ConsumeStats?
        /// Nil when nobody of the group is connected.
        var connection: ConsumerConnection?
        var members: [Member] = []
    }

    var nameServers: [NameServer] = []
    var brokers: [Broker] = []
    var routes: [ByteText: TopicRouteData] = [:]
    /// How many messages are in a group's dead letters, by group.
    var deadLetters: [ByteText: Int64] = [:]
    var groups: [Group] = []
    /// Milliseconds since 1970.
    var takenAt: Int64 = 0
}

extension Picture {
    /// Asks all servers and all consumers. What does not answer is part of the picture.
    /// - Throws: when no name server answers at all.
    static func take(_ context: CommandContext) async throws(ClientError) -> Picture {
        var picture = Picture()
        picture.takenAt = context.now()
        for address in context.admin.nameServers {
            let info = await answer { () throws(ClientError) in
                let alone = try context.adminOf([address])
                defer { alone.close() }
                return try await alone.clusterInfo()
            }
            picture.nameServers.append(NameServer(address: address, info: info))
        }
        // When none answered, or none was given, this says so.
        let known = picture.nameServers.lazy.compactMap { try? $0.info.get() }.first
        let info = if let known { known } else { try await context.admin.clusterInfo() }
        try await picture.addBrokers(of: info, context)
        try await picture.addTopics(context)
        await picture.addGroups(context)
        return picture
    }

    private static func answer<Answer>(_ ask: () async throws(ClientError) -> Answer) async -> Result<Answer, ClientError> {
        do throws(ClientError) { return .success(try await ask()) } catch { return .failure(error) }
    }

    private mutating func addBrokers(of info: ClusterInfo, _ context: CommandContext) async throws(ClientError) {
        let places = info.clusters.sortedTexts.flatMap { cluster in
            (info.brokers(ofCluster: cluster) ?? []).flatMap { broker in
                broker.addresses.sorted { $0.key < $1.key }.map { (cluster, broker.brokerName, $0.key, $0.value) }
            }
        }
        let progress = context.progress("brokers", total: places.count)
        defer { progress.end() }
        for (cluster, name, id, address) in places {
            let runtime = await Self.answer { () throws(ClientError) in try await context.admin.brokerRuntimeInfo(at: address).table }
            var broker = Broker(cluster: cluster, name: name, id: id, address: address, runtime: runtime, askedAt: context.now())
            if case .success = runtime, let table = try? await context.admin.brokerConfiguration(at: address) { broker.configuration = table.table }
            brokers.append(broker)
            progress.advance()
        }
    }

    private mutating func addTopics(_ context: CommandContext) async throws(ClientError) {
        let names = try await context.admin.topics()
        let progress = context.progress("topics", total: names.count)
        defer { progress.end() }
        for name in names {
            routes[name] = try? await context.admin.routeData(of: name)
            if let group = name.droppingBytePrefix(DeadLetterTopic.prefix), let stats = try? await context.admin.topicStats(name) {
                deadLetters[group] = stats.queues.values.reduce(0) { $0 &+ ($1.maxOffset &- $1.minOffset) }
            }
            progress.advance()
        }
    }

    private mutating func addGroups(_ context: CommandContext) async {
        let names = routes.sortedTexts.compactMap { RetryTopic.group(of: $0) }
        let progress = context.progress("groups", total: names.count)
        defer { progress.end() }
        for name in names {
            var group = Group(name: name)
            group.stats = try? await context.admin.consumeStats(group: name)
            group.connection = try? await context.admin.consumerConnection(group: name)
            for client in group.connection?.connections ?? [] {
                guard let address = brokers.first(where: { $0.isMaster && !$0.values.isEmpty })?.address,
                    let told = try? await context.admin.runningInfo(of: client.clientId, in: name, at: address)
                else { continue }
                group.members.append(Member(clientId: client.clientId, subscriptions: told.subscriptions))
            }
            groups.append(group)
            progress.advance()
        }
    }
}
