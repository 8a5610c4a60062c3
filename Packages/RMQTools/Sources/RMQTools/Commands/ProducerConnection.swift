import RMQClient
import RMQCommon

/// `producerConnection`: the producers of a group that are connected to a broker of a topic.
struct ProducerConnectionCommand: AdminCommand {
    let name = "producerConnection"
    let summary = "Query producer's socket connection and client version"
    let label = "ProducerConnectionSubCommand"
    let example = "mqadmin producerConnection -g orders_producer -t Orders -n 127.0.0.1:9876"
    let options: [CommandOption] = [
        .required("g", "producerGroup", "producer group name"),
        .required("t", "topic", "topic name"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let producers = try await context.admin.producerConnection(group: options.required("g"), topic: options.required("t")).connections
        context.show(.array(producers.map(Self.json)), text: Self.render(producers))
    }

    static func render(_ producers: [ClientConnection]) -> String {
        producers.enumerated().map { index, producer in
            Decimal.text(index + 1, digits: 4) + "  " + Columns.left(producer.clientId, 32) + " " + Columns.left(producer.address, 22) + " "
                + Columns.left(producer.language, 8) + " \(ProtocolVersion(ordinal: producer.version))\n"
        }.joined()
    }

    private static func json(_ producer: ClientConnection) -> JSONValue {
        [
            "clientId": .string(producer.clientId), "clientAddr": .string(producer.address), "language": .string("\(producer.language)"),
            "version": JSONValue(producer.version), "versionDesc": .string("\(ProtocolVersion(ordinal: producer.version))"),
        ]
    }
}
