import RMQClient
import RMQCommon

/// The admin tool: words of a command line in, text and an exit code out.
///
/// Exit codes are the reference's: 1 when the options of a command are wrong, 0 in every other case, a failed command included;
/// `--exit-code` tells failures too.
public struct AdminTool: Sendable {
    private let output: any TextOutput
    private let environment: @Sendable (String) -> String?
    private let time: LocalTime
    private let now: @Sendable () -> Int64
    private let bodyFolder: String
    private let workFolder: String
    private let sender: any MessageSending
    private let pause: @Sendable (Duration) async throws -> Void
    private let makeAdmin: @Sendable (_ nameServers: [String], ToolsAccess) throws(ClientError) -> Admin

    /// - Parameter environment: a variable of the environment, as `NAMESRV_ADDR`; nil when it is not set.
    public init(output: any TextOutput, environment: @escaping @Sendable (String) -> String?) {
        self.init(output: output, environment: environment, time: .system)
    }

    /// What touches the outside world is handed in.
    init(
        output: any TextOutput, environment: @escaping @Sendable (String) -> String?, time: LocalTime,
        now: @escaping @Sendable () -> Int64 = { WallClock.nowMilliseconds() },
        bodyFolder: String = "/tmp/rocketmq/msgbodys", workFolder: String = ".", sender: any MessageSending = ProducerSending(),
        pause: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        makeAdmin: @escaping @Sendable (_ nameServers: [String], ToolsAccess) throws(ClientError) -> Admin = AdminTool.admin
    ) {
        self.output = output
        self.environment = environment
        self.time = time
        self.now = now
        self.bodyFolder = bodyFolder
        self.workFolder = workFolder
        self.sender = sender
        self.pause = pause
        self.makeAdmin = makeAdmin
    }

    /// Every command, in the order of the list that `mqadmin` prints.
    static let commands: [any AdminCommand] = [
        UpdateTopicCommand(), DeleteTopicCommand(), UpdateSubGroupCommand(), DeleteSubGroupCommand(),
        UpdateBrokerConfigCommand(), UpdateTopicPermCommand(), TopicRouteCommand(), TopicStatusCommand(),
        TopicClusterListCommand(), BrokerStatusCommand(), QueryMessageByIdCommand(), QueryMessageByKeyCommand(),
        QueryMessageByUniqueKeyCommand(), QueryMessageByOffsetCommand(), QueryMessageTraceCommand(), PrintMessagesCommand(),
        PrintMessagesOfQueueCommand(), SendMessageStatusCommand(), BrokerConsumeStatsCommand(), ProducerConnectionCommand(),
        ConsumerConnectionCommand(), ConsumerProgressCommand(), ConsumerStatusCommand(), CloneGroupOffsetCommand(),
        ProducerCommand(), ClusterListCommand(), TopicListCommand(), UpdateKeyValueCommand(), DeleteKeyValueCommand(),
        WipeWritePermissionCommand(), AddWritePermissionCommand(), ResetOffsetByTimeCommand(), SkipAccumulatedMessageCommand(),
        UpdateOrderConfCommand(), CleanExpiredQueuesCommand(), DeleteExpiredCommitLogCommand(), CleanUnusedTopicCommand(),
        StartMonitoringCommand(), StatsAllCommand(), AllocateMQCommand(), CheckMessageSendTimeCommand(),
        ClusterSendTimeCommand(), GetNameServerConfigCommand(), UpdateNameServerConfigCommand(), GetBrokerConfigCommand(),
        GetConsumerConfigCommand(), QueryConsumeQueueCommand(), SendMessageCommand(), ConsumeMessageCommand(),
        UpdateAclConfigCommand(), DeleteAclConfigCommand(), ClusterAclConfigVersionCommand(), UpdateGlobalWhiteAddrCommand(),
        ExportMetadataCommand(), ExportConfigsCommand(), ExportMetricsCommand(),
        // Of this project, so behind those of the reference.
        ChangeBrokerRoleCommand(), DoctorCommand(), TopCommand(), TailCommand(), CompletionCommand(),
    ]

    /// The exit code of a command that failed, where the person asked for one (`--exit-code`).
    static let failed: Int32 = 2

    /// Runs the words after `mqadmin`; answers the exit code.
    public func run(_ words: [String]) async -> Int32 {
        guard let first = words.first else {
            output.write(Self.overview)
            return 0
        }
        if words.count == 2 && first.isExactly("help") {
            guard let command = Self.command(named: words[1]) else { return unknown(words[1]) }
            output.write(command.help)
            return 0
        }
        var rest = Array(words.dropFirst())
        let command = Self.command(named: first)
        let own = ToolOptions(takenFrom: &rest, declared: command?.declaredOptions ?? [])
        guard let command else {
            let code = unknown(first)
            return own.tellsFailure ? 1 : code
        }
        return await run(command, rest, own)
    }

    private func run(_ command: any AdminCommand, _ words: [String], _ own: ToolOptions) async -> Int32 {
        let options: CommandOptions
        do throws(CommandOptions.Refusal) {
            options = try CommandOptions(words, declared: command.declaredOptions)
        } catch {
            writeUsage(of: command, own)
            output.writeError(Suggestion.text(for: error, command: command))
            return 1
        }
        if options.has("h") {
            output.write(command.help)
            return 0
        }
        do {
            let outcome = try await run(command, options, own)
            return own.tellsFailure && outcome.hasFailed ? Self.failed : 0
        } catch CommandFailure.showUsage {
            writeUsage(of: command, own)
            return own.tellsFailure ? 1 : 0
        } catch {
            output.writeError(Self.failure(of: command, error))
            return own.tellsFailure ? Self.failed : 0
        }
    }

    private func run(_ command: any AdminCommand, _ options: CommandOptions, _ own: ToolOptions) async throws -> CommandOutcome {
        var access = ToolsAccess(credentials: credentials)
        access.tls = try ToolsAccess.tls(home: environment("ROCKETMQ_HOME"))
        let admin = try makeAdmin(NameServerList.parse(options["n"] ?? environment("NAMESRV_ADDR") ?? ""), access)
        let adminOf = { @Sendable [makeAdmin, access] (nameServers: [String]) throws(ClientError) -> Admin in try makeAdmin(nameServers, access) }
        defer { admin.close() }
        let context = CommandContext(
            admin: admin, adminOf: adminOf, access: access, sender: sender, output: output, time: time, now: now, pause: pause, bodyFolder: bodyFolder,
            workFolder: workFolder, showsJSON: own.showsJSON)
        do {
            try await command.run(options, in: context)
        } catch {
            // What was changed before is changed all the same.
            if context.outcome.hasSaid { writeMessages(of: context.outcome, own) }
            throw error
        }
        writeMessages(of: context.outcome, own)
        return context.outcome
    }

    private func writeMessages(of outcome: CommandOutcome, _ own: ToolOptions) {
        if own.showsJSON, let messages = outcome.messages { output.write(messages.text(.standard) + "\n") }
    }

    /// On standard output, as the reference does, unless a program reads JSON there.
    private func writeUsage(of command: any AdminCommand, _ own: ToolOptions) {
        if own.showsJSON { output.writeError(command.usage) } else { output.write(command.usage) }
    }

    /// The account of `conf/tools.yml`. One that cannot be read is told, and the command goes on without, as in the reference.
    private var credentials: Credentials? {
        do throws(ToolsFile.Problem) {
            return try ToolsFile.read(home: environment("ROCKETMQ_HOME")).map { Credentials(accessKey: $0.accessKey, secretKey: $0.secretKey) }
        } catch {
            output.writeError("the requests are not signed: \(error)\n")
            return nil
        }
    }

    /// Without any access nothing of a configuration is needed, not even a name server.
    private static func admin(_ nameServers: [String], _ access: ToolsAccess) throws(ClientError) -> Admin {
        if access.isNone { return Admin(nameServers: nameServers) }
        var configuration = RocketMQClient.Configuration(nameServers: nameServers)
        access.apply(to: &configuration)
        return try Admin(configuration)
    }

    private func unknown(_ name: String) -> Int32 {
        output.write("The sub command \(name) not exist.\n")
        if let meant = Suggestion.nearest(to: name, among: Self.commands.map(\.name)) { output.writeError("Did you mean \(meant)?\n") }
        return 0
    }

    static func command(named name: String) -> (any AdminCommand)? {
        commands.first { $0.name.isExactlyIgnoringCase(name) || $0.alias?.isExactlyIgnoringCase(name) == true }
    }

    static var overview: String {
        "The most commonly used mqadmin commands are:\n"
            + commands.map { "   \(Columns.left($0.name, 20)) \($0.summary)\n" }.joined()
            + "\nSee 'mqadmin help <command>' for more information on a specific command.\n"
    }

    /// The failure as people read it: the command, the cause in the reference's words, what to do.
    static func failure(of command: any AdminCommand, _ error: any Error) -> String {
        let text = FailureText(error)
        return TerminalText.escapedLines(
            "\(command.label) command failed\nCaused by: \(text.detail)\n" + (text.advice.map { "What to do: \($0)\n" } ?? ""))
    }
}
