import RMQClient
import RMQCommon

/// `brokerStatus`: the runtime values of one broker or of all brokers of a cluster.
struct BrokerStatusCommand: AdminCommand {
    let name = "brokerStatus"
    let summary = "Fetch broker runtime status data"
    let label = "BrokerStatusSubCommand"
    let example = "mqadmin brokerStatus -n 127.0.0.1:9876 -c DefaultCluster"
    let options: [CommandOption] = [
        CommandOption("b", "brokerAddr", "Broker address"),
        CommandOption("c", "clusterName", "which cluster"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        if let address = options["b"] {
            let values = try await context.admin.brokerRuntimeInfo(at: address).table
            context.show(Self.json(values, address: address), text: Self.render(values))
        } else if let cluster = options["c"] {
            var shown: [(address: String, values: [ByteText: String])] = []
            for broker in try await context.brokersOrComplaint(ofCluster: cluster) ?? [] {
                for (_, address) in broker.sortedAddresses {
                    do {
                        shown.append((address, try await context.admin.brokerRuntimeInfo(at: address).table))
                    } catch {
                        context.note(error)
                    }
                }
            }
            context.show(
                .array(shown.map { Self.json($0.values, address: $0.address) }),
                text: shown.map { Self.render($0.values, address: $0.address) }.joined())
        }
    }

    static func json(_ values: [ByteText: String], address: String) -> JSONValue {
        ["brokerAddr": .string(address), "values": .table(values)]
    }

    static func render(_ values: [ByteText: String], address: String? = nil) -> String {
        let start = address.map { Columns.left($0, 24) + " " } ?? ""
        return values.sorted { $0.key.text.utf16.lexicographicallyPrecedes($1.key.text.utf16) }
            .map { start + Columns.left($0.key, 32) + ": " + $0.value + "\n" }.joined()
    }
}
