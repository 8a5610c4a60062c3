import RMQClient
import RMQCommon

/// `consumerStatus`: what the members of a group are doing, as they say themselves. One member is shown; of all of them, each is written to
/// a file of its own, and the screen tells what is wrong.
struct ConsumerStatusCommand: AdminCommand {
    let name = "consumerStatus"
    let summary = "Query consumer's internal data structure"
    let label = "ConsumerStatusSubCommand"
    let example = "mqadmin consumerStatus -n 127.0.0.1:9876 -g billing"
    let options: [CommandOption] = [
        .required("g", "consumerGroup", "consumer group name"),
        CommandOption("i", "clientId", "The consumer's client id"),
        CommandOption("b", "brokerAddr", "broker address"),
        .flag("s", "jstack", "Run jstack command in the consumer progress"),
    ]

    /// What one member said.
    struct Member {
        var connection: ClientConnection
        var info: ConsumerRunningInfo
        /// Below the folder; nil where it could not be written, or was not asked for.
        var file: String?
    }

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let group = options.required("g"), withStacks = options.has("s")
        let connected = try await ConsumerConnectionCommand.members(options, context)
        if let client = options["i"] {
            let info = try await context.change {
                try await context.admin.runningInfo(of: client, in: group, withStacks: withStacks, at: options["b"])
            }
            context.show(.object(JSONObject(RunningInfo.json(info))), text: RunningInfo.render(info, time: context.time))
            return
        }
        let now = context.now()
        let members = await Self.ask(connected.connections, of: group, withStacks, at: options["b"], into: "\(now)", context)
        context.show(Self.json(members, now: now), text: Self.header + Self.render(members, now: now))
    }

    private static func ask(
        _ connections: [ClientConnection], of group: String, _ withStacks: Bool, at address: String?, into name: String, _ context: CommandContext
    ) async -> [Member] {
        var members: [Member] = []
        let progress = context.progress("clients", total: connections.count)
        defer { progress.end() }
        for (number, connection) in connections.enumerated() {
            do {
                let info = try await context.admin.runningInfo(of: connection.clientId, in: group, withStacks: withStacks, at: address)
                var member = Member(connection: connection, info: info)
                // With --json all is on the line itself.
                if !context.showsJSON { member.file = write(info, to: "\(name)/\(fileName(of: connection.clientId, number: number))", context) }
                members.append(member)
            } catch {
                context.note(error)
            }
            progress.advance(by: 1)
        }
        return members
    }

    private static func write(_ info: ConsumerRunningInfo, to file: String, _ context: CommandContext) -> String? {
        do throws(SystemFailure) {
            try OutputFile.write(Array(RunningInfo.render(info, time: context.time).utf8), to: "\(context.workFolder)/\(file)")
            return file
        } catch {
            context.note(error)
            return nil
        }
    }

    /// A client may call itself whatever it likes. What would lead out of the folder is written as `%2F`, so that no two clients share a file.
    /// - Parameter number: tells those apart whose names are too long for a file and are cut.
    static func fileName(of client: String, number: Int) -> String {
        guard !client.isEmpty else { return "%" }
        let isFolder = client.isExactly(".") || client.isExactly("..")
        let bytes = client.utf8.flatMap { byte -> [UInt8] in
            guard isFolder || byte < 0x20 || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "%") else { return [byte] }
            return Array(("%" + (byte < 0x10 ? "0" : "") + String(byte, radix: 16, uppercase: true)).utf8)
        }
        let name = String(decoding: bytes, as: UTF8.self)
        return bytes.count <= 200 ? name : name.prefix(bytes: 200) + "%-\(number)"
    }

    // MARK: Text

    static let header = line("#Index", "#ClientId", "#Version", "#ConsumerRunningInfoFile")

    static func render(_ members: [Member], now: Int64) -> String {
        let rows = members.filter { $0.file != nil }.enumerated().map { index, member in
            line("\(index + 1)", member.connection.clientId, "\(ProtocolVersion(ordinal: member.connection.version))", member.file ?? "")
        }.joined()
        guard !members.isEmpty else { return rows }
        guard RunningInfo.subscribesAlike(infos(members), now: now) else {
            return rows + "\n\nWARN: Different subscription in the same group of consumer!!!"
        }
        return rows + "\n\nSame subscription in the same group of consumer\n\nRebalance OK\n"
            + problems(of: members, now: now).map { $0 + "\n" }.joined()
    }

    private static func line(_ index: String, _ client: String, _ version: String, _ file: String) -> String {
        Columns.left(index, 10) + " " + Columns.left(client, 40) + " " + Columns.left(version, 20) + " \(file)\n"
    }

    private static func infos(_ members: [Member]) -> [ByteText: ConsumerRunningInfo] {
        Dictionary(members.map { (ByteText($0.connection.clientId), $0.info) }) { _, last in last }
    }

    private static func problems(of members: [Member], now: Int64) -> [String] {
        infos(members).sorted { $0.key < $1.key }.flatMap { RunningInfo.problems(of: $0.key.text, $0.value, now: now) }
    }

    // MARK: JSON

    static func json(_ members: [Member], now: Int64) -> JSONValue {
        [
            "clients": .array(members.map { member in
                let head: [(JSONValue, JSONValue)] = [
                    ("clientId", .string(member.connection.clientId)), ("clientAddr", .string(member.connection.address)),
                    ("version", .string("\(ProtocolVersion(ordinal: member.connection.version))")),
                ]
                return .object(JSONObject(head + RunningInfo.json(member.info)))
            }),
            "sameSubscription": .bool(RunningInfo.subscribesAlike(infos(members), now: now)),
            "problems": .array(problems(of: members, now: now).map { .string($0) }),
        ]
    }
}
