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
        for (id, address) in broker.addresses.sorted(by: { $0.key < $1.key }) {
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

/// Settings of a server, one a line.
enum SettingsText {
    /// In the reference's order, which is that of a hash table.
    static func render(_ pairs: [(key: String, value: String)]) -> String {
        ordered(pairs).map { Columns.left($0.key, 50) + "=  " + $0.value + "\n" }.joined()
    }

    /// Values as the texts that they are: `1s 5s` and `0` are told alike.
    static func json(_ pairs: [(key: String, value: String)]) -> JSONValue {
        .object(JSONObject(latest(pairs).sorted { ByteText($0.key) < ByteText($1.key) }.map { (.string($0.key), .string($0.value)) }))
    }

    private static func ordered(_ pairs: [(key: String, value: String)]) -> [(key: String, value: String)] {
        HashOrder.sorted(latest(pairs)) { JavaString.hash($0.key) }
    }

    /// Each key once, with its last value.
    private static func latest(_ pairs: [(key: String, value: String)]) -> [(key: String, value: String)] {
        var values: [ByteText: String] = [:]
        var keys: [String] = []
        for (key, value) in pairs where values.updateValue(value, forKey: ByteText(key)) == nil { keys.append(key) }
        return keys.map { ($0, values[$0] ?? "") }
    }
}
