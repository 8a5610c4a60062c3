import RMQClient
import RMQCommon

/// `printMsgByQueue`: the messages of one queue, or how many there are of each tag; nobody's offsets change.
struct PrintMessagesOfQueueCommand: AdminCommand {
    let name = "printMsgByQueue"
    let summary = "Print Message Detail"
    let label = "PrintMessageByQueueCommand"
    let example = "mqadmin printMsgByQueue -n 127.0.0.1:9876 -t Orders -a broker-a -i 0 -f true"
    // The blanks belong to the long names: the reference has them, so only the short ones can be typed.
    let options: [CommandOption] = [
        .required("t", "topic", "topic name"),
        .required("a", "brokerName ", "broker name"),
        .required("i", "queueId ", "queue id"),
        CommandOption("c", "charsetName ", "CharsetName(eg: UTF-8,GBK)"),
        CommandOption("s", "subExpression ", "Subscribe Expression(eg: TagA || TagB)"),
        CommandOption("b", "beginTimestamp ", "Begin timestamp[currentTimeMillis|yyyy-MM-dd#HH:mm:ss:SSS]"),
        CommandOption("e", "endTimestamp ", "End timestamp[currentTimeMillis|yyyy-MM-dd#HH:mm:ss:SSS]"),
        CommandOption("p", "print msg", "print msg. eg: true | false(default)"),
        CommandOption("d", "printBody ", "print body. eg: true | false(default)"),
        CommandOption("f", "calculate", "calculate by tag. eg: true | false(default)"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let selection = try MessageSelection(options, context.time)
        let printsMessages = options.truth("p", or: false), countsTags = options.truth("f", or: false)
        let charset = options.truth("d", or: false) ? selection.charset : nil
        let queue = try await QueueReading.queue(
            options.required("t"), broker: options.required("a"), id: options.integer("i", or: 0), context)
        let range = try await QueueReading.range(of: queue, begin: selection.begin, end: selection.end, context)
        // Without either option the reference reads all the same, and prints nothing.
        guard printsMessages || countsTags else { return }
        let total = max(0, range.most - range.least)
        let progress = printsMessages ? context.listingProgress("messages", total: total) : context.progress("messages", total: Int(total))
        var tags = TagCounts()
        await QueueReading.pull(queue, from: range.least, to: range.most, selection.filter, context) { pulled in
            for message in pulled.messages {
                tags.count(message)
                if printsMessages { QueueReading.show(message, body: charset?.text(message.body), context) }
            }
            progress?.advance(by: pulled.messages.count)
            // Also where nothing matched, as in the reference.
            return pulled.status == .found
        }
        progress?.end()
        if countsTags { context.show(tags.json, text: tags.text) }
    }
}

/// How many messages there are of each tag.
struct TagCounts {
    private var counts: [ByteText: Int] = [:]

    mutating func count(_ message: StoredMessage) {
        guard let tag = message.tags, !tag.isBlank else { return }
        counts[ByteText(tag), default: 0] += 1
    }

    /// The largest first; equal ones in the order of the reference's hash table.
    private var sorted: [(tag: String, count: Int)] {
        let inHashOrder = HashOrder.sorted(counts.sorted { $0.key < $1.key }) { JavaString.hash($0.key.text) }
        return inHashOrder.enumerated().sorted { ($1.element.value, $0.offset) < ($0.element.value, $1.offset) }
            .map { (tag: $0.element.key.text, count: $0.element.value) }
    }

    var text: String { sorted.map { "Tag: \(Columns.left($0.tag, 30)) Count: \($0.count)\n" }.joined() }

    var json: JSONValue { .array(sorted.map { ["tag": .string($0.tag), "count": .integer(Int64($0.count))] }) }
}
