import RMQClient
import RMQCommon

/// `producer`: every producer that is connected to a broker.
struct ProducerCommand: AdminCommand {
    let name = "producer"
    let summary = "Query producer's instances, connection, status, etc."
    let label = "ProducerSubCommand"
    let example = "mqadmin producer -b 127.0.0.1:10911"
    let options: [CommandOption] = [.required("b", "broker", "broker address")]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let table = try await context.admin.producers(at: options.required("b"))
        context.show(Self.json(table), text: Self.render(table))
    }

    static func render(_ table: ProducerTableInfo) -> String {
        HashOrder.names(of: table.groups).map { group in
            let producers = table.groups[group] ?? []
            guard !producers.isEmpty else { return "producer group (\(group)) instances are empty\n" }
            return producers.map { "producer group (\(group)) instance : \(text($0))\n" }.joined()
        }.joined()
    }

    private static func text(_ producer: ProducerTableInfo.Producer) -> String {
        "clientId=\(producer.clientId),remoteIP=\(producer.remoteAddress), language=\(producer.language), "
            + "version=\(producer.version), lastUpdateTimestamp=\(producer.lastUpdateTimestamp)"
    }

    /// One object a producer.
    private static func json(_ table: ProducerTableInfo) -> JSONValue {
        .array(table.groups.sorted { $0.key < $1.key }.flatMap { group, producers in producers.map { json($0, of: group.text) } })
    }

    private static func json(_ producer: ProducerTableInfo.Producer, of group: String) -> JSONValue {
        [
            "producerGroup": .string(group), "clientId": .string(producer.clientId), "remoteIP": .string(producer.remoteAddress),
            "language": .string("\(producer.language)"), "version": JSONValue(producer.version),
            "lastUpdateTimestamp": .moment(producer.lastUpdateTimestamp),
        ]
    }
}
