import RMQClient
import RMQCommon

/// `getBrokerConfig`: the settings that one broker runs with, or every broker of a cluster.
struct GetBrokerConfigCommand: AdminCommand {
    let name = "getBrokerConfig"
    let summary = "Get broker config by cluster or special broker!"
    let label = "GetBrokerConfigCommand"
    let example = "mqadmin getBrokerConfig -b 127.0.0.1:10911"
    let options: [CommandOption] = [
        CommandOption("b", "brokerAddr", "get which broker"),
        CommandOption("c", "clusterName", "get which cluster"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        var facts: [JSONValue] = []
        if let address = options["b"] {
            context.printHeading("============\(address)============\n")
            facts.append(try await Self.printSettings(of: address, master: nil, context))
        } else if let cluster = options["c"] {
            for broker in try await context.brokersOrComplaint(ofCluster: cluster) ?? [] {
                await show(broker, &facts, context)
            }
        } else {
            return
        }
        context.show(.array(facts), text: "")
    }

    /// The master and its slaves. One that does not answer does not hide the others.
    private func show(_ broker: BrokerData, _ facts: inout [JSONValue], _ context: CommandContext) async {
        // Without a master there is none to name, as at the reference, but the slaves have settings all the same.
        let master = broker.masterAddress
        for (id, address) in broker.sortedAddresses {
            context.printHeading(
                id == 0 ? "============Master: \(address)============\n"
                    : "============My Master: \(master ?? "none")=====Slave: \(address)============\n")
            do {
                facts.append(try await Self.printSettings(of: address, master: id == 0 ? nil : master, context))
            } catch {
                context.note(error)
            }
        }
    }

    /// - Returns: the same for JSON.
    private static func printSettings(of address: String, master: String?, _ context: CommandContext) async throws -> JSONValue {
        let pairs = try await context.admin.brokerSettings(at: address)
        context.printHeading(pairs.isEmpty ? "Broker[\(address)] has no config property!\n" : SettingsText.render(pairs) + "\n")
        return ["brokerAddr": .string(address), "masterAddr": JSONValue(master), "configuration": SettingsText.json(pairs)]
    }
}
