import RMQClient
import RMQCommon

/// `startMonitoring`: every minute, how much each group has still to consume and what keeps it from doing so; and at once, which groups asked
/// for messages that are deleted already.
///
/// The reference writes this to the log of its client; here it is printed, with the time. Ends with the process.
struct StartMonitoringCommand: AdminCommand {
    let name = "startMonitoring"
    let summary = "Start Monitoring"
    let label = "StartMonitoringSubCommand"
    let example = "mqadmin startMonitoring -n 127.0.0.1:9876"
    let options: [CommandOption] = []

    /// How often deleted messages are looked for. The first round comes after two looks, the next ones after six.
    private static let look = Duration.seconds(10)

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        var events = DeletedMessages()
        var looksUntilRound = 2
        while (try? await context.pause(Self.look)) != nil, !Task.isCancelled {
            await Self.going(context) { try await events.look(context) { Self.report($0, context) } }
            looksUntilRound -= 1
            if looksUntilRound == 0 {
                looksUntilRound = 6
                await Self.going(context) { try await Self.round(context) }
            }
        }
    }

    /// A failure is told, and does not end the command: the servers may come back.
    private static func going(_ context: CommandContext, _ step: () async throws -> Void) async {
        do {
            try await step()
        } catch {
            context.note(error)
        }
    }

    private static func report(_ event: MonitorReport, _ context: CommandContext) {
        let now = context.now()
        context.show(event.json(at: now), text: "\(context.time.seconds(now)) [MONITOR] \(event.text)\n")
    }

    // MARK: A round

    private static func round(_ context: CommandContext) async throws {
        let topics = try await context.admin.topics()
        report(.roundBegins, context)
        for topic in topics {
            guard let group = RetryTopic.group(of: topic) else { continue }
            // Nobody watches over a group that nobody belongs to.
            guard let connected = try? await context.admin.consumerConnection(group: group) else { continue }
            let found = await undone(group, context) + whatMembersSay(connected, of: group, context)
            for event in found { report(event, context) }
        }
        report(.roundEnds, context)
    }

    /// What the group has still to consume, by topic.
    private static func undone(_ group: String, _ context: CommandContext) async -> [MonitorReport] {
        guard let stats = try? await context.admin.consumeStats(group: group) else { return [] }
        var topics: [ByteText: UndoneMessages] = [:]
        for (queue, progress) in stats.queues {
            let delay = await Self.delay(of: queue, progress, context)
            topics[queue.topic, default: UndoneMessages(group: group, topic: queue.topic)].add(progress.lag, delay: delay)
        }
        return topics.sorted { $0.key < $1.key }.map { .undone($0.value) }
    }

    /// How much later than the last consumed message of a queue its newest one was stored, in milliseconds.
    private static func delay(of queue: MessageQueue, _ progress: ConsumeStats.Progress, _ context: CommandContext) async -> Int64 {
        guard progress.lag > 0, progress.lastTimestamp > 0, progress.brokerOffset > 0 else { return 0 }
        let newest = try? await context.admin.pull(from: queue, offset: progress.brokerOffset - 1, maxCount: 1).messages.first
        return newest.map { max(0, $0.storeTimestamp &- progress.lastTimestamp) } ?? 0
    }

    // MARK: Members

    private static func whatMembersSay(_ connected: ConsumerConnection, of group: String, _ context: CommandContext) async -> [MonitorReport] {
        let infos = await Self.infos(connected, of: group, context)
        let now = context.now()
        var reports = failures(infos, of: group)
        if !RunningInfo.subscribesAlike(infos, now: now) { reports.append(.subscriptionsDiffer(group: group)) }
        for (client, info) in infos.sorted(by: { $0.key < $1.key }) {
            reports += RunningInfo.problems(of: client.text, info, now: now).map { .isBlocked(group: group, client: client.text, problem: $0) }
        }
        return reports
    }

    /// By client id, of those that can tell.
    private static func infos(_ connected: ConsumerConnection, of group: String, _ context: CommandContext) async -> [ByteText: ConsumerRunningInfo] {
        var infos: [ByteText: ConsumerRunningInfo] = [:]
        for member in connected.connections where ProtocolVersion(ordinal: member.version) >= .v3_1_8Snapshot {
            infos[member.clientId] = try? await context.admin.runningInfo(of: member.clientId, in: group)
        }
        return infos
    }

    /// What all members together failed to consume in the last hour.
    private static func failures(_ infos: [ByteText: ConsumerRunningInfo], of group: String) -> [MonitorReport] {
        var counts: [ByteText: Int64] = [:]
        for info in infos.values {
            for (topic, status) in info.status where status.failedInHour > 0 { counts[topic, default: 0] &+= status.failedInHour }
        }
        return counts.sorted { $0.key < $1.key }.map { .failed(group: group, topic: $0.key.text, count: $0.value) }
    }
}

/// Reads the events that brokers store when a group asks for messages that are deleted already.
///
/// Its place is stored as the offsets of a group, so that a monitor that is started again tells what came meanwhile.
private struct DeletedMessages {
    /// Most messages that one look reads of a queue: whatever a broker answers, the look ends.
    private static let limit = 1_000
    private var places: [MessageQueue: Int64] = [:]

    /// A queue that fails is told, and does not keep the others from being read.
    mutating func look(_ context: CommandContext, report: (MonitorReport) -> Void) async throws {
        for queue in try await context.admin.route(of: SystemTopic.offsetMoved).subscribeQueues {
            do {
                try await look(queue, context, report)
            } catch {
                context.note(error)
            }
        }
    }

    private mutating func look(_ queue: MessageQueue, _ context: CommandContext, _ report: (MonitorReport) -> Void) async throws {
        var place = try await self.place(in: queue, context)
        places[queue] = place
        var count = 0
        while count < Self.limit {
            guard let result = try await QueueReading.pullReadable(queue, from: place, context) else {
                // One broken message a look, lest a broker that answers nonsense lead far beyond its messages.
                return try await move(to: place &+ 1, in: queue, context)
            }
            for message in result.messages {
                if let event = MonitorReport(deletedMessages: message) { report(event) }
            }
            count += result.messages.count
            if result.nextOffset != place { try await move(to: result.nextOffset, in: queue, context) }
            place = result.nextOffset
            if result.messages.isEmpty { return }
        }
    }

    private mutating func move(to place: Int64, in queue: MessageQueue, _ context: CommandContext) async throws {
        try await context.admin.commit(group: SystemGroup.monitor, queue: queue, offset: place)
        places[queue] = place
    }

    private func place(in queue: MessageQueue, _ context: CommandContext) async throws -> Int64 {
        if let known = places[queue] { return known }
        if let stored = try await context.admin.committedOffset(group: SystemGroup.monitor, queue: queue) { return stored }
        return try await context.admin.maxOffset(of: queue)
    }
}
