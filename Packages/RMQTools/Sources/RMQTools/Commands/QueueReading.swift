import RMQClient
import RMQCommon

/// What the commands share that read queues and print their messages.
enum QueueReading {
    /// Most queues of a broker that are believed, so that a wrong answer cannot fill the memory.
    private static let queueLimit: Int32 = 65_536

    /// The queues of a topic that may be read, in the reference's order.
    /// - Throws: when there is none.
    static func queues(of topic: String, _ route: TopicRouteData) throws(CommandFailure) -> [MessageQueue] {
        let queues = route.queues.filter { $0.permission.contains(.read) }.flatMap { data in
            (0..<max(0, min(data.readQueueCount, queueLimit))).map {
                MessageQueue(topic: topic, brokerName: data.brokerName, queueId: $0)
            }
        }
        guard !queues.isEmpty else {
            throw .notFound("no queue of \(topic) may be read; see its permission with `mqadmin topicRoute -l -t \(topic)`")
        }
        return HashOrder.sorted(queues)
    }

    /// One queue of a broker.
    /// - Throws: when the topic, or that broker of it, is not known.
    static func queue(_ topic: String, broker: String, id: Int32, _ context: CommandContext) async throws -> MessageQueue {
        let route = try await context.admin.routeData(of: topic)
        guard route.brokers.contains(where: { $0.brokerName.isExactly(broker) }) else {
            throw CommandFailure.notFound("The broker[\(broker)] not exist")
        }
        return MessageQueue(topic: topic, brokerName: broker, queueId: id)
    }

    /// A time option, in milliseconds since 1970; nil when it is absent.
    static func moment(_ option: Unicode.Scalar, _ options: CommandOptions, _ time: LocalTime) throws(CommandFailure) -> Int64? {
        guard let text = options[option] else { return nil }
        guard let moment = time.parse(text) else {
            throw .usage("-\(option) takes milliseconds since 1970 or yyyy-MM-dd#HH:mm:ss:SSS, not \"\(text)\"")
        }
        return moment
    }

    /// Where the wanted part of a queue begins and ends.
    /// - Parameters:
    ///   - begin: milliseconds since 1970; nil for the queue's beginning.
    ///   - end: milliseconds since 1970; nil for the queue's end.
    // Not inlined: Swift 6.3.1 crashes when it optimises a loop around this.
    @inline(never) static func range(
        of queue: MessageQueue, begin: Int64?, end: Int64?, _ context: CommandContext
    ) async throws -> (least: Int64, most: Int64) {
        let admin = context.admin
        let least = if let begin { try await admin.searchOffset(of: queue, at: begin) } else { try await admin.minOffset(of: queue) }
        let most = if let end { try await admin.searchOffset(of: queue, at: end) } else { try await admin.maxOffset(of: queue) }
        guard least >= 0, most >= 0 else { throw CommandFailure.failed("\(queue) has offsets \(least) to \(most)") }
        return (least, most)
    }

    /// Pulls from `offset` on until `end` is reached, or `each` wants no more. A pull that fails ends it, and is told.
    static func pull(
        _ queue: MessageQueue, from offset: Int64, to end: Int64, _ filter: SubscriptionFilter, _ context: CommandContext,
        each: (PullResult) -> Bool
    ) async {
        var offset = offset
        while offset < end {
            let pulled: PullResult
            do {
                pulled = try await context.admin.pull(from: queue, offset: offset, maxCount: 32, filter: filter)
            } catch {
                return context.note(error)
            }
            // A broker that does not lead on would be asked for ever.
            guard each(pulled), pulled.nextOffset > offset else { return }
            offset = pulled.nextOffset
        }
    }

    /// Pulls what can be read: where one of the messages is broken, those before it.
    /// - Returns: nil when it is the message at `offset` itself, which is told: the caller passes it over.
    static func pullReadable(
        _ queue: MessageQueue, from offset: Int64, filter: SubscriptionFilter = .all, group: String = SystemGroup.tools, _ context: CommandContext
    ) async throws(ClientError) -> PullResult? {
        do throws(ClientError) {
            return try await context.admin.pull(from: queue, offset: offset, filter: filter, group: group)
        } catch {
            guard error.code == .malformedAnswer else { throw error }
        }
        do throws(ClientError) {
            return try await context.admin.pull(from: queue, offset: offset, maxCount: 1, filter: filter, group: group)
        } catch {
            guard error.code == .malformedAnswer else { throw error }
            context.note(error)
            return nil
        }
    }

    // MARK: Showing

    /// One line for a message.
    /// - Parameter body: nil leaves it out.
    static func text(_ message: StoredMessage, body: String?) -> String {
        "MSGID: \(message.messageId) \(ObjectText.message(message)) BODY: \(body ?? "NOT PRINT BODY")\n"
    }

    static func show(_ message: StoredMessage, body: String?, _ context: CommandContext) {
        context.show(.object(message.facts(text: body)), text: text(message, body: body))
    }

    /// One line for a pull that brought no message.
    static func text(_ pulled: PullResult, _ queue: MessageQueue) -> String {
        let what = pulled.status == .noMatchedMessage ? "no matched msg" : "print msg finished"
        return "\(queue) \(what). status=\(pulled.status.referenceName), offset=\(pulled.nextOffset)\n"
    }

    static func show(_ pulled: PullResult, _ queue: MessageQueue, _ context: CommandContext) {
        let facts: [(JSONValue, JSONValue)] = [
            ("status", .string(pulled.status.referenceName)), ("offset", .integer(pulled.nextOffset)),
        ]
        context.show(.object(JSONObject(queue, facts)), text: text(pulled, queue))
    }
}

extension PullResult.Status {
    /// In the reference's words.
    var referenceName: String {
        switch self {
        case .found: "FOUND"
        case .noNewMessage: "NO_NEW_MSG"
        case .noMatchedMessage: "NO_MATCHED_MSG"
        case .offsetIllegal: "OFFSET_ILLEGAL"
        }
    }
}
