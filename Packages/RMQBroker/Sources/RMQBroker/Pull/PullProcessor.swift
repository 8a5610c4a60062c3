import RMQCommon
import RMQFilter
import RMQRemoting
import RMQStore

/// Hands out messages: code 11.
///
///     header slices ─► group and topic (loop's cache) ─► filter ─► range of the queue ─► header in the output buffer,
///                                                            │                           records written from the mapping
///                                                            └─ nothing new ─► held until a message arrives (PullHolds)
struct PullProcessor {
    let loop: LoopState

    func receive(_ request: InboundFrame, on connection: Connection) {
        if let fields = PullFields(request) {
            pull(PullRequest(fields), request.ticket, connection)
            return
        }
        do {
            let header = try request.command().header(PullMessageHeader.self)
            PullRequest.with(header) { pull($0, request.ticket, connection) }
        } catch {
            connection.reply(.response(.systemError, remark: "\(error)"), to: request.ticket)
        }
    }

    private func pull(_ request: PullRequest, _ ticket: ReplyTicket, _ connection: Connection) {
        do {
            try serve(request, ticket, connection)
        } catch {
            connection.reply(.response(error.code, remark: error.remark), to: ticket)
        }
    }

    private func serve(_ request: PullRequest, _ ticket: ReplyTicket, _ connection: Connection) throws(Refusal) {
        if loop.settings.configuration.brokerPermission & Permission.read.rawValue == 0 {
            throw .unreadableBroker(loop.settings.configuration)
        }
        let route = if let known = loop.routes.pull(group: request.group, topic: request.topic) { known } else { try find(request) }
        if let refusal = route.refusal { throw refusal }
        guard request.queueId >= 0, request.queueId < route.topic.config.readQueueCount else {
            throw .illegalQueue(request.queueId, of: route.topic.config)
        }
        let filter = try filter(request, route)
        // A replica is told the offsets by its master.
        if request.flags.contains(.commitsOffset), request.commitOffset >= 0, loop.broker.store.role == .master {
            route.progress?.commit(request.commitOffset, queueId: request.queueId)
        }
        var suspend: Int64?
        if request.flags.contains(.suspends), !ticket.isOneway {
            suspend = loop.settings.configuration.longPolling ? request.suspendMilliseconds : loop.settings.configuration.shortPollingMilliseconds
        }
        let pull = HeldPull(
            connection: connection.id, ticket: ticket, queue: route.topic.queue(request.queueId), filter: filter, offset: request.offset,
            nextOffset: request.offset, maxCount: Int(max(request.maxCount, 1)),
            advice: loop.settings.configuration.slaveRead ? route.advice : .master, progress: route.progress,
            statistics: route.statistics, rulesVersion: loop.pullRulesVersion)
        loop.holds.answerOrHold(pull, suspendMilliseconds: suspend, on: connection)
    }

    // MARK: Who may pull what

    private func filter(_ request: PullRequest, _ route: PullRoute) throws(Refusal) -> PullFilter {
        if request.flags.contains(.carriesSubscription) { return try carriedFilter(request, route) }
        switch route.heartbeat {
        case .noConsumers:
            throw Refusal(.subscriptionNotExist, "the consumer's group info not exist")
        case .notSubscribed:
            throw Refusal(.subscriptionNotExist, "the consumer's subscription not exist")
        case .broadcastForbidden:
            throw Refusal(.noPermission, "the consumer group[\(name(request.group))] can not consume by broadcast way")
        case .subscribedByTags(let tags, let version):
            try check(version, isNotOlderThan: request)
            return route.filter(tags)
        case .subscribedByExpression(let registered, let type, let version):
            try check(version, isNotOlderThan: request)
            guard let registered else {
                throw Refusal(.filterDataNotExist, "The broker's consumer filter data is not exist!Your expression may be wrong!")
            }
            guard registered.version >= request.subscriptionVersion else {
                throw Refusal(.filterDataNotLatest, "the consumer's consumer filter data not latest")
            }
            guard loop.settings.configuration.filtersByExpression else { throw .unsupportedFilter(of: type) }
            return registered.filter
        }
    }

    private func check(_ version: Int64, isNotOlderThan request: PullRequest) throws(Refusal) {
        guard version >= request.subscriptionVersion else { throw Refusal(.subscriptionNotLatest, "the consumer's subscription not latest") }
    }

    private func carriedFilter(_ request: PullRequest, _ route: PullRoute) throws(Refusal) -> PullFilter {
        guard let type = request.expressionType, !type.isEmpty, !type.elementsEqual("TAG".utf8) else {
            do {
                return try route.filter(carriedTags: request.subscription)
            } catch {
                throw .unreadableFilter(error)
            }
        }
        guard let text = request.subscription, !text.isEmpty else { throw .unreadableFilter("a filter of type \(name(type.prefix(64))) is empty") }
        guard loop.settings.configuration.filtersByExpression, type.elementsEqual(ConsumerFilter.type.utf8) else {
            throw .unsupportedFilter(of: name(type.prefix(64)))
        }
        do {
            return try route.filter(carriedExpression: text)
        } catch {
            throw .unreadableFilter(error)
        }
    }

    private func find(_ request: PullRequest) throws(Refusal) -> PullRoute {
        let broker = loop.broker
        let groupName = name(request.group)
        guard let group = broker.group(groupName) else { throw .unknownGroup(groupName) }
        guard group.consumeEnabled else { throw .disabledGroup(groupName) }
        guard let topic = loop.routes.topic(request.topic) else { throw .unknownTopic(name(request.topic)) }
        let refusal: Refusal? = topic.config.permission.isReadable ? nil : .unreadableTopic(topic.name)
        // Whatever a heartbeat changes from here on moves a version, and the route is looked up again.
        let route = PullRoute(
            topic: topic, advice: PullAdvice(group), progress: broker.offsets.progress(group: groupName, topic: topic.name),
            statistics: PullStatistics(loop.statistics, topic: topic.name, group: groupName), refusal: refusal,
            heartbeat: heartbeat(groupName, group, topic: topic.name), retryFilter: retryFilter(of: topic.name))
        loop.routes.remember(route, group: request.group, topic: request.topic)
        return route
    }

    private func heartbeat(_ name: String, _ config: SubscriptionGroupConfig, topic: String) -> PullRoute.Heartbeat {
        guard let group = loop.broker.clients.consumers[name] else { return .noConsumers }
        if !config.consumeBroadcastEnabled, group.messageModel == .broadcasting { return .broadcastForbidden }
        guard let subscription = group.subscriptions[topic] else { return .notSubscribed }
        if subscription.isTag {
            let tags = subscription.isClassFilter ? .all : TagFilter(text: subscription.expression, codes: subscription.tagCodes)
            return .subscribedByTags(tags, version: subscription.version)
        }
        let filter = loop.broker.filters[topic: topic, group: name].map { filter in
            PullRoute.RegisteredFilter(
                filter: subscription.isClassFilter ? .all : .expression(ExpressionFilter(filter, bloom: loop.broker.filters.bloom)), version: filter.version)
        }
        return .subscribedByExpression(filter, type: subscription.expressionType, version: subscription.version)
    }

    private func retryFilter(of topic: String) -> RetryFilter? {
        guard loop.settings.configuration.filtersRetries, let group = RetryTopic.group(of: topic) else { return nil }
        return RetryFilter(group: group, loop.broker.filters)
    }

    /// A name from the wire, cut beyond what any topic or group may have, so that a refusal cannot be made to carry megabytes.
    private func name(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes.prefix(1_024), as: UTF8.self) }
}
