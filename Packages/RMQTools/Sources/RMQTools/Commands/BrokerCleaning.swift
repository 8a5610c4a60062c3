import RMQClient
import RMQCommon

// The three commands that have brokers clean up. They differ in what is asked for only.

/// `cleanExpiredCQ`: has brokers delete consume queue files whose messages are gone.
struct CleanExpiredQueuesCommand: BrokerCleaning {
    let name = "cleanExpiredCQ"
    let summary = "Clean expired ConsumeQueue on broker."
    let label = "CleanExpiredCQSubCommand"
    let example = "mqadmin cleanExpiredCQ -c DefaultCluster"
    let options = Self.place(clusterText: "clustername")

    func clean(_ address: String, _ admin: Admin) async throws(ClientError) { try await admin.cleanExpiredQueues(at: address) }
}

/// `cleanUnusedTopic`: has brokers drop the queues of topics that they do not have any more.
struct CleanUnusedTopicCommand: BrokerCleaning {
    let name = "cleanUnusedTopic"
    let summary = "Clean unused topic on broker."
    let label = "CleanUnusedTopicCommand"
    let example = "mqadmin cleanUnusedTopic -c DefaultCluster"
    let options = Self.place(clusterText: "cluster name")

    func clean(_ address: String, _ admin: Admin) async throws(ClientError) { try await admin.cleanUnusedTopics(at: address) }
}

/// `deleteExpiredCommitLog`: has brokers delete files of the log that are older than they keep them, now instead of at their hour.
struct DeleteExpiredCommitLogCommand: BrokerCleaning {
    let name = "deleteExpiredCommitLog"
    let summary = "Delete expired CommitLog files"
    let label = "DeleteExpiredCommitLogSubCommand"
    let example = "mqadmin deleteExpiredCommitLog -b 127.0.0.1:10911"
    // The reference has another text for the common option here.
    let options = [CommandOption("n", "namesrvAddr", "Name server address")] + Self.place(clusterText: "clustername")

    func clean(_ address: String, _ admin: Admin) async throws(ClientError) { try await admin.deleteExpiredLog(at: address) }
}

/// A command that has one broker clean up, every broker of a cluster, or every broker there is.
protocol BrokerCleaning: AdminCommand {
    func clean(_ address: String, _ admin: Admin) async throws(ClientError)
}

extension BrokerCleaning {
    static func place(clusterText: String) -> [CommandOption] {
        [CommandOption("b", "brokerAddr", "Broker address"), CommandOption("c", "cluster", clusterText)]
    }

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        if let address = options["b"] {
            try await clean(address, context.admin)
            return context.print("success")
        }
        let info = try await context.admin.clusterInfo()
        let clusters = options["c"].map { [$0] } ?? info.clusters.sortedTexts
        var isDone = false
        for broker in clusters.flatMap({ info.brokers(ofCluster: $0) ?? [] }) {
            for (_, address) in broker.sortedAddresses {
                isDone = await cleanOrTell(address, context)
            }
        }
        // What became of the last broker, as at the reference; of a cluster that is not there none is.
        if isDone { context.print("success") } else { context.complain("false") }
    }

    /// One broker that fails does not keep the others from it.
    private func cleanOrTell(_ address: String, _ context: CommandContext) async -> Bool {
        do {
            try await clean(address, context.admin)
            return true
        } catch {
            context.note(error)
            return false
        }
    }
}
