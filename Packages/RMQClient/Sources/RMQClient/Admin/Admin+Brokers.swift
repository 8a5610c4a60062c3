import RMQCommon
public import RMQRemoting

/// One broker: its configuration, what it counts, and what it may be told to clean up.
extension Admin {
    /// The configuration that a broker runs with, by the reference's keys.
    public func brokerConfiguration(at address: String) async throws(ClientError) -> KeyValueTable {
        Self.table(try await brokerSettings(at: address))
    }

    /// The same as pairs, in the order in which the broker tells them.
    public func brokerSettings(at address: String) async throws(ClientError) -> [(key: String, value: String)] {
        let response = try await core.call(RemotingCommand(.getBrokerConfig), at: address, timeout: timeout)
        return PropertiesText.parse(response.body)
    }

    /// Changes keys of a running broker, all or none of them.
    /// - Throws: `refused` with the code `noPermission` for a key that no command may change, with `systemError` for a value that is not allowed.
    public func updateBrokerConfiguration(_ values: [ByteText: String], at address: String) async throws(ClientError) {
        try await tell(address, RemotingCommand(.updateBrokerConfig, body: Self.text(values)))
    }

    /// What a broker counted of one item in the last minute, hour and day.
    /// - Parameters:
    ///   - name: what is counted, such as `TOPIC_PUT_NUMS`.
    ///   - key: of what: a topic, `topic@group`, the name of the cluster, as servers know it.
    /// - Throws: `refused` for what the broker does not count.
    public func brokerStats(_ name: String, key: String, at address: String) async throws(ClientError) -> BrokerStatsData {
        let header = BrokerStatsHeader(statsName: name, statsKey: key)
        return try await ask(address, RemotingCommand(.viewBrokerStatsData, header: header), "the statistics \(name) of \(key)")
    }

    /// How far every group of a broker is.
    /// - Parameters:
    ///   - onlyOrdered: leaves out topics without an order configuration.
    ///   - limit: longest wait for the answer, which a broker with many groups takes long to make; nil is three times `timeout`.
    public func consumeStats(
        onlyOrdered: Bool = false, limit: Duration? = nil, at address: String
    ) async throws(ClientError) -> BrokerConsumeStats {
        let command = RemotingCommand(.getBrokerConsumeStats, header: BrokerConsumeStatsHeader(onlyOrdered: onlyOrdered))
        return try await ask(address, command, "the progress of all groups", limit: limit ?? timeout * 3)
    }

    /// The producers of every group that are connected to a broker.
    public func producers(at address: String) async throws(ClientError) -> ProducerTableInfo {
        try await ask(address, RemotingCommand(.getAllProducerInfo), "the producers")
    }

    /// The topics of the system that a broker has.
    public func systemTopics(at address: String) async throws(ClientError) -> [String] {
        let list: TopicList = try await ask(address, RemotingCommand(.getSystemTopicListFromBroker), "the list of system topics")
        return list.topics
    }

    /// Entries of a queue as they lie on a broker's disk, from `index` on.
    /// - Parameter group: whose subscription they are compared with; nil for none.
    /// - Returns: no entry beyond the end of the queue.
    public func queueEntries(
        topic: String, queueId: Int32, index: Int64, maxCount: Int32 = 10, group: String? = nil, at address: String
    ) async throws(ClientError) -> ConsumeQueueEntries {
        let header = QueryConsumeQueueHeader {
            $0.topic = known(topic)
            $0.queueId = queueId
            $0.index = index
            $0.count = maxCount
            $0.consumerGroup = group.map { known($0) }
        }
        let command = RemotingCommand(.queryConsumeQueue, header: header)
        let response = try await core.call(command, at: address, timeout: timeout)
        // A broker says in words that the queue ends before, and sends nothing else.
        guard !response.body.isEmpty else { return ConsumeQueueEntries() }
        do {
            return try ConsumeQueueEntries(body: response.body)
        } catch {
            throw .malformed("the entries of queue \(queueId) of \(topic)", from: address, error)
        }
    }

    // MARK: Cleaning up

    /// Has a broker delete consume queues whose messages are gone.
    public func cleanExpiredQueues(at address: String) async throws(ClientError) {
        _ = try await core.call(RemotingCommand(.cleanExpiredConsumequeue), at: address, timeout: timeout * 3)
    }

    /// Has a broker forget the queues of topics that it does not have any more.
    public func cleanUnusedTopics(at address: String) async throws(ClientError) {
        _ = try await core.call(RemotingCommand(.cleanUnusedTopic), at: address, timeout: timeout * 3)
    }

    /// Has a broker delete the files of its log that are older than it keeps them, at any time of the day.
    public func deleteExpiredLog(at address: String) async throws(ClientError) {
        _ = try await core.call(RemotingCommand(.deleteExpiredCommitlog), at: address, timeout: timeout * 3)
    }

    // MARK: Roles

    /// Makes a running broker of this project a slave, which takes no more messages and copies the log of a master.
    /// - Parameters:
    ///   - master: its master's address; nil leaves that to the name servers.
    ///   - brokerId: its number in the broker set, greater than 0; nil: the one that it had, or 1.
    /// - Throws: `refused` when the broker cannot change; it then stays what it was.
    public func makeSlave(_ address: String, of master: String? = nil, brokerId: Int64? = nil) async throws(ClientError) {
        try await changeRole(address, ChangeBrokerRoleHeader {
            $0.role = "SLAVE"
            $0.masterAddress = master
            $0.brokerId = brokerId
        })
    }

    /// Makes a running slave of this project the master of its set. Whoever asks makes sure that the old master is none any more, or is gone.
    /// - Parameters:
    ///   - isSynchronous: whether sends then wait for a slave.
    ///   - leastOffset: refused when its log ends before this; nil takes it as it is.
    /// - Throws: `refused` when the broker cannot change, or lacks what was asked for; it then stays a slave.
    public func makeMaster(_ address: String, isSynchronous: Bool = false, leastOffset: Int64? = nil) async throws(ClientError) {
        try await changeRole(address, ChangeBrokerRoleHeader {
            $0.role = isSynchronous ? "SYNC_MASTER" : "ASYNC_MASTER"
            $0.leastOffset = leastOffset
        })
    }

    /// The disk may have to be waited for.
    private func changeRole(_ address: String, _ header: ChangeBrokerRoleHeader) async throws(ClientError) {
        _ = try await core.call(RemotingCommand(.changeBrokerRole, header: header), at: address, timeout: timeout * 3)
    }

    // MARK: Transactions

    /// Has a broker ask again about a half message that it gave up asking about.
    /// - Parameter id: the offset id of the half message; the broker whose address is in it is told.
    /// - Throws: `invalidName` for what is no such id.
    public func resumeCheck(ofHalfMessage id: String) async throws(ClientError) {
        guard let parsed = OffsetMessageId(id) else {
            throw ClientError(.invalidName, "\"\(id)\" is not an offset message id (32 or 56 hexadecimal digits)")
        }
        let header = ResumeCheckHeader { $0.messageId = id }
        try await tell("\(parsed.storeHost)", RemotingCommand(.resumeCheckHalfMessage, header: header))
    }

    // MARK: Properties text

    /// `key=value` pairs as a table; of equal keys the last is the valid one.
    static func table(_ pairs: [(key: String, value: String)]) -> KeyValueTable {
        KeyValueTable(Dictionary(pairs.map { (ByteText($0.key), $0.value) }) { _, last in last })
    }

    static func text(_ values: [ByteText: String]) -> [UInt8] {
        Array(PropertiesText.format(values.sorted { $0.key < $1.key }.map { (key: $0.key.text, value: $0.value) }).utf8)
    }
}
