import RMQClient
import RMQCommon

/// `allocateMQ`: how the queues of a topic would be divided among members with these addresses.
///
/// The reference divides the queues in the order of its hash table, where real members divide them in their order; this shows what it shows.
struct AllocateMQCommand: AdminCommand {
    let name = "allocateMQ"
    let summary = "Allocate MQ"
    let label = "AllocateMQSubCommand"
    let example = "mqadmin allocateMQ -n 127.0.0.1:9876 -t Orders -i 10.0.0.1,10.0.0.2"
    let options: [CommandOption] = [
        .required("t", "topic", "topic name"),
        .required("i", "ipList", "ipList"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let members = options.required("i").split(ascii: ",")
        guard !members.isEmpty else { throw CommandFailure.usage("-i takes addresses with commas between them, such as 10.0.0.1,10.0.0.2.") }
        let queues = try await context.admin.route(of: options.required("t")).subscribeQueues
        let shares = Self.json(queues, members)
        context.show(shares, text: shares.text(.fastjson) + "\n")
    }

    static func json(_ queues: [MessageQueue], _ members: [String]) -> JSONValue {
        let queues = HashOrder.sorted(queues)
        let allocation = AveragedAllocation()
        let shares: [(JSONValue, JSONValue)] = HashOrder.sorted(Set(texts: members).sortedTexts, hash: { JavaString.hash($0) }).map { member in
            (.string(member), .array(allocation.allocate(queues: queues, members: members, to: member).map(\.json)))
        }
        return ["result": .object(JSONObject(shares))]
    }
}
