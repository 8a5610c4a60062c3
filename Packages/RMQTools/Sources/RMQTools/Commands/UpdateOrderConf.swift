import RMQClient
import RMQCommon

/// `updateOrderConf`: puts, gets or deletes which queues of a topic stay even while a broker is away.
struct UpdateOrderConfCommand: AdminCommand {
    let name = "updateOrderConf"
    let summary = "Create or update or delete order conf"
    let label = "UpdateOrderConfCommand"
    let example = "mqadmin updateOrderConf -n 127.0.0.1:9876 -t Orders -m put -v 'broker-a:4;broker-b:4'"
    let options: [CommandOption] = [
        .required("t", "topic", "topic name"),
        CommandOption("v", "orderConf", "set order conf [eg. brokerName1:num;brokerName2:num]"),
        .required("m", "method", "option type [eg. put|get|delete"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let topic = options.required("t")
        switch ByteText(options.required("m")) {
        case "get":
            let order = try await context.admin.orderConfiguration(ofTopic: topic)
            context.show(
                ["topic": .string(topic), "orderConf": .string(order)], text: "get orderConf success. topic=[\(topic)], orderConf=[\(order)] ")
        case "put":
            guard let order = options["v"], !order.isEmpty else { throw CommandFailure.usage("please set orderConf with option -v.") }
            try await context.admin.setOrderConfiguration(order, ofTopic: topic)
            context.print("update orderConf success. topic=[\(topic)], orderConf=[\(order)]")
        case "delete":
            try await context.admin.deleteOrderConfiguration(ofTopic: topic)
            context.print("delete orderConf success. topic=[\(topic)]")
        default: throw CommandFailure.showUsage
        }
    }
}
