import RMQClient
import RMQCommon

/// `changeBrokerRole`: makes a running broker the master of its set, or a slave. A command of this project.
struct ChangeBrokerRoleCommand: AdminCommand {
    let name = "changeBrokerRole"
    let summary = "Make a running broker a master or a slave, without a restart"
    let label = "ChangeBrokerRoleSubCommand"
    let example = "mqadmin changeBrokerRole -b 127.0.0.1:10921 -r master"
    let options: [CommandOption] = [
        .required("b", "brokerAddr", "the broker that changes"),
        .required("r", "role", "master, syncMaster (sends wait for a slave) or slave"),
        CommandOption("a", "masterAddr", "for a slave: its master; without it, the one that the name servers know"),
        CommandOption("i", "brokerId", "for a slave: its number, greater than 0; without it, the one that it had, or 1"),
        CommandOption("o", "leastOffset", "for a master: refused when its log ends before this offset"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let (address, role) = (options.required("b"), options.required("r"))
        switch ByteText(role.asciiLowercased) {
        case "slave":
            let brokerId = try number(options["i"])
            try await context.change { try await context.admin.makeSlave(address, of: options["a"], brokerId: brokerId) }
        case "master", "syncmaster":
            let least = try number(options["o"])
            let isSynchronous = role.isExactlyIgnoringCase("syncMaster")
            try await context.change { try await context.admin.makeMaster(address, isSynchronous: isSynchronous, leastOffset: least) }
        default:
            return context.print("-r \(role) is no role; allowed: master, syncMaster, slave.\n")
        }
        context.print("the broker \(address) is a \(role.asciiLowercased) now.\n")
    }

    private func number(_ text: String?) throws -> Int64? {
        guard let text else { return nil }
        guard let number = Int64(text) else { throw CommandFailure.showUsage }
        return number
    }
}
