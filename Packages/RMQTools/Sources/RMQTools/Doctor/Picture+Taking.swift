import RMQClient
import RMQCommon

extension Picture {
    /// Asks all servers and all consumers. What does not answer is part of the picture.
    /// - Throws: when no name server answers at all.
    static func take(_ context: CommandContext) async throws(ClientError) -> Picture {
        var picture = Picture()
        picture.takenAt = context.now()
        for address in context.admin.nameServers {
            let info = await Questions.outcome { () throws(ClientError) in
                let alone = try context.adminOf([address])
                defer { alone.close() }
                return try await alone.clusterInfo()
            }
            picture.nameServers.append(NameServer(address: address, info: info))
        }
        // When none answered, or none was given, this says so.
        let known = picture.nameServers.lazy.compactMap { try? $0.info.get() }.first
        let info = if let known { known } else { try await context.admin.clusterInfo() }
        let topics = try await context.admin.topics()
        await picture.addBrokers(of: info, context)
        let survey = BrokerSurvey(admin: context.admin, asked: picture.brokers.map { broker in
            if case .failure(let error) = broker.runtime { (broker.address, error) } else { (broker.address, nil) }
        })
        await picture.addTopics(topics, survey, context)
        await picture.addGroups(topics.compactMap { RetryTopic.group(of: $0) }.sortedByBytes(), survey, context)
        return picture
    }

    // MARK: Brokers

    private mutating func addBrokers(of info: ClusterInfo, _ context: CommandContext) async {
        let places = info.clusters.sortedTexts.flatMap { cluster in
            (info.brokers(ofCluster: cluster) ?? []).flatMap { broker in
                broker.sortedAddresses.map { (cluster: cluster, name: broker.brokerName, id: $0.id, address: $0.address) }
            }
        }
        let progress = context.progress("brokers", total: places.count)
        defer { progress.end() }
        let answers = await Questions.ask(places) { place in
            let runtime = await Questions.outcome { () throws(ClientError) in try await context.admin.brokerRuntimeInfo(at: place.address).table }
            var broker = Broker(
                cluster: place.cluster, name: place.name, id: place.id, address: place.address, runtime: runtime, askedAt: context.now())
            var unanswered: [Unanswered] = []
            if case .success = runtime {
                do throws(ClientError) {
                    broker.configuration = try await context.admin.brokerConfiguration(at: place.address).table
                } catch {
                    unanswered.append(Unanswered(question: "the configuration of \(broker.title)", error: error))
                }
            }
            progress.advance()
            return (broker: broker, unanswered: unanswered)
        }
        brokers = answers.map(\.broker)
        unanswered += answers.flatMap(\.unanswered)
    }

    // MARK: Topics

    private mutating func addTopics(_ names: [String], _ survey: BrokerSurvey, _ context: CommandContext) async {
        let progress = context.progress("topics", total: names.count)
        defer { progress.end() }
        let answers = await Questions.ask(names) { name in
            let route = await Questions.outcome { () throws(ClientError) in try await context.admin.routeData(of: name) }
            var letters: BrokerAnswers<TopicStatsTable>?
            if DeadLetterTopic.isDeadLetter(name), case .success(let route) = route { letters = await survey.topicStats(name, route) }
            progress.advance()
            return (name: name, route: route, letters: letters)
        }
        for (name, route, letters) in answers {
            switch route {
            case .success(let route): routes[name] = route
            // It was deleted meanwhile.
            case .failure(let error) where error.code == .routeNotFound: break
            case .failure(let error): unanswered.append(Unanswered(question: "the route of topic \(name)", error: error))
            }
            guard let group = name.droppingBytePrefix(DeadLetterTopic.prefix), let letters else { continue }
            if !letters.parts.isEmpty { deadLetters[group] = letters.parts.reduce(0) { $0 &+ $1.messageCount } }
            unanswered += letters.failures.map { Unanswered(question: "the dead letters of group \(group)", error: $0) }
        }
    }

    // MARK: Groups

    private mutating func addGroups(_ names: [String], _ survey: BrokerSurvey, _ context: CommandContext) async {
        let progress = context.progress("groups", total: names.count)
        defer { progress.end() }
        let answers = await Questions.ask(names) { [routes] name in
            let answer = await Self.group(name, routes[RetryTopic.name(name)], survey)
            progress.advance()
            return answer
        }
        groups = answers.map(\.group)
        unanswered += answers.flatMap(\.unanswered)
    }

    /// - Parameter route: of its retry topic; nil when there is none any more, or nobody told.
    private static func group(
        _ name: String, _ route: TopicRouteData?, _ survey: BrokerSurvey
    ) async -> (group: Group, unanswered: [Unanswered]) {
        var group = Group(name: name)
        guard let route else { return (group, []) }
        let progress = await survey.progress(of: name, route)
        if !progress.parts.isEmpty { group.stats = ConsumeStats(merging: progress.parts) }
        var unanswered = progress.failures.map { Unanswered(question: "the progress of group \(name)", error: $0) }
        switch await survey.members(of: name, route) {
        case .nobody: group.isConsumed = false
        case .unknown(let failures): unanswered += failures.map { Unanswered(question: "the members of group \(name)", error: $0) }
        case .connected(let clients, let address):
            group.isConsumed = true
            for client in clients where client.canTellOfItself {
                do throws(ClientError) {
                    let told = try await survey.admin.runningInfo(of: client.clientId, in: name, at: address)
                    group.members.append(Member(clientId: client.clientId, subscriptions: told.subscriptions))
                } catch {
                    unanswered.append(Unanswered(question: "what \(client.clientId) of group \(name) subscribes to", error: error))
                }
            }
        }
        return (group, unanswered)
    }
}
