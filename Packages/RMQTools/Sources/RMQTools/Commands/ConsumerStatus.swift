import Glibc
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

    /// Where the files are put. Tests set it, lest they write into the folder they run in.
    @TaskLocal static var folder = "."

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
        let address = if let given = options["b"] { given } else { try await Self.anyBroker(of: group, context) }
        if let client = options["i"] {
            let info = try await context.change {
                try await context.admin.runningInfo(of: client, in: group, withStacks: withStacks, at: address)
            }
            context.show(.object(JSONObject(RunningInfo.json(info))), text: RunningInfo.render(info, time: context.time))
            return
        }
        let now = context.now()
        let members = await Self.ask(connected.connections, of: group, withStacks, at: address, into: "\(now)", context)
        context.show(Self.json(members, now: now), text: Self.header + Self.render(members, now: now))
    }

    /// Every member is connected to every broker.
    private static func anyBroker(of group: String, _ context: CommandContext) async throws -> String {
        let route = try await context.admin.routeData(of: RetryTopic.name(group))
        guard let address = route.brokers.lazy.compactMap(\.anyAddress).first else {
            throw CommandFailure.notFound("the route of \(RetryTopic.name(group)) names no broker")
        }
        return address
    }

    private static func ask(
        _ connections: [ClientConnection], of group: String, _ withStacks: Bool, at address: String, into name: String, _ context: CommandContext
    ) async -> [Member] {
        var members: [Member] = []
        let progress = context.progress("clients", total: connections.count)
        defer { progress.end() }
        for connection in connections {
            do {
                let info = try await context.admin.runningInfo(of: connection.clientId, in: group, withStacks: withStacks, at: address)
                var member = Member(connection: connection, info: info)
                // With --json all is on the line itself.
                if !context.showsJSON { member.file = write(info, of: connection.clientId, into: name, context) }
                members.append(member)
            } catch {
                context.note(error)
            }
            progress.advance(by: 1)
        }
        return members
    }

    private static func write(_ info: ConsumerRunningInfo, of client: String, into name: String, _ context: CommandContext) -> String? {
        let file = "\(name)/\(fileName(of: client))"
        do throws(SystemFailure) {
            try FileSystem.makeDirectories("\(folder)/\(name)")
            let descriptor = try Descriptor(opening: "\(folder)/\(file)", flags: O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW)
            try descriptor.write(Array(RunningInfo.render(info, time: context.time).utf8))
            try descriptor.close()
            return file
        } catch {
            context.note(error)
            return nil
        }
    }

    /// A client may call itself whatever it likes: what would lead out of the folder, or is longer than a name may be, is replaced.
    static func fileName(of client: String) -> String {
        let name = String(decoding: client.utf8.map { $0 < 0x20 || $0 == UInt8(ascii: "/") ? UInt8(ascii: "_") : $0 }, as: UTF8.self).prefix(bytes: 200)
        return name.isEmpty || name.isExactly(".") || name.isExactly("..") ? "_" : name
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
