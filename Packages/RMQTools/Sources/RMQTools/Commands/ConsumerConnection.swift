import RMQClient
import RMQCommon

/// `consumerConnection`: the connected members of a group and what they subscribe to.
struct ConsumerConnectionCommand: AdminCommand {
    let name = "consumerConnection"
    let summary = "Query consumer's socket connection, client version and subscription"
    let label = "ConsumerConnectionSubCommand"
    let example = "mqadmin consumerConnection -n 127.0.0.1:9876 -g billing"
    let options: [CommandOption] = [
        .required("g", "consumerGroup", "consumer group name"),
        CommandOption("b", "brokerAddr", "broker address"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let members = try await Self.members(options, context)
        context.show(members.json, text: Self.render(members))
    }

    /// The members of the group of `-g`, as the broker of `-b` knows them, or any of the group's.
    static func members(_ options: CommandOptions, _ context: CommandContext) async throws -> ConsumerConnection {
        let group = options.required("g")
        guard let address = options["b"] else { return try await context.admin.consumerConnection(group: group) }
        return try await context.admin.consumerConnection(group: group, at: address)
    }

    static func render(_ members: ConsumerConnection) -> String {
        var text = line("#ClientId", "#ClientAddr", "#Language", "#Version")
        for member in members.connections {
            text += line(member.clientId, member.address, "\(member.language)", "\(ProtocolVersion(ordinal: member.version))")
        }
        text += "\nBelow is subscription:\n" + Columns.left("#Topic", 20) + " #SubExpression\n"
        for subscription in HashOrder.sorted(members.subscriptions.sorted(by: { $0.key < $1.key }), hash: { JavaString.hash($0.key.text) }) {
            text += Columns.left(subscription.value.topic, 20) + " \(subscription.value.expression)\n"
        }
        return text + "\nConsumeType: \(members.consumeType.rawValue)\nMessageModel: \(members.messageModel.rawValue)\n"
            + "ConsumeFromWhere: \(members.consumeFromWhere.rawValue)\n"
    }

    private static func line(_ client: String, _ address: String, _ language: String, _ version: String) -> String {
        Columns.left(client, 36) + " " + Columns.left(address, 22) + " " + Columns.left(language, 10) + " \(version)\n"
    }
}
