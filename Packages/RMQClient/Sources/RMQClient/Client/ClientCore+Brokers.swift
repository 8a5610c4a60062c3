import RMQCommon
import RMQRemoting

/// What a client asks of the broker that holds a queue.
extension ClientCore {
    /// The offset a group has stored; nil when the broker has none.
    func committedOffset(group: String, queue: MessageQueue, timeout: Duration) async throws(ClientError) -> Int64? {
        let header = QueryConsumerOffsetHeader {
            $0.consumerGroup = group
            $0.topic = queue.topic
            $0.queueId = queue.queueId
            $0.brokerName = queue.brokerName
        }
        let (address, _) = try await reader(of: queue)
        do {
            let response = try await call(RemotingCommand(.queryConsumerOffset, header: header), at: address, timeout: timeout)
            return try read(response, OffsetResponseHeader.self, address).offset
        } catch where error.responseCode == .queryNotFound {
            return nil
        }
    }

    func commit(group: String, queue: MessageQueue, offset: Int64, timeout: Duration) async throws(ClientError) {
        let header = UpdateConsumerOffsetHeader {
            $0.consumerGroup = group
            $0.topic = queue.topic
            $0.queueId = queue.queueId
            $0.commitOffset = offset
            $0.brokerName = queue.brokerName
        }
        _ = try await call(RemotingCommand(.updateConsumerOffset, header: header), at: master(of: queue), timeout: timeout)
    }

    func minOffset(of queue: MessageQueue, timeout: Duration) async throws(ClientError) -> Int64 {
        let header = QueueHeader(queue)
        return try await offset(RemotingCommand(.getMinOffset, header: header), of: queue, timeout: timeout)
    }

    func maxOffset(of queue: MessageQueue, timeout: Duration) async throws(ClientError) -> Int64 {
        let header = QueueHeader(queue)
        return try await offset(RemotingCommand(.getMaxOffset, header: header), of: queue, timeout: timeout)
    }

    func searchOffset(of queue: MessageQueue, at timestamp: Int64, timeout: Duration) async throws(ClientError) -> Int64 {
        let header = SearchOffsetHeader {
            $0.topic = queue.topic
            $0.queueId = queue.queueId
            $0.timestamp = timestamp
            $0.brokerName = queue.brokerName
        }
        return try await offset(RemotingCommand(.searchOffsetByTimestamp, header: header), of: queue, timeout: timeout)
    }

    /// The offset in the answer of the queue's master.
    private func offset(_ command: RemotingCommand, of queue: MessageQueue, timeout: Duration) async throws(ClientError) -> Int64 {
        let address = try await master(of: queue)
        let response = try await call(command, at: address, timeout: timeout)
        return try read(response, OffsetResponseHeader.self, address).offset
    }

    func earliestStoreTime(of queue: MessageQueue, timeout: Duration) async throws(ClientError) -> Int64? {
        let header = QueueHeader(queue)
        let address = try await master(of: queue)
        let response = try await call(RemotingCommand(.getEarliestMsgStoretime, header: header), at: address, timeout: timeout)
        let time = try read(response, StoreTimeResponseHeader.self, address).timestamp
        return time < 0 ? nil : time
    }

    /// The client ids of a group, from any broker of the topic; nil when no broker knows the group yet.
    func members(ofGroup group: String, topic: String) async throws(ClientError) -> [String]? {
        let route = try await route(of: topic)
        guard let name = route.brokers.keys.randomElement(), let address = route.reader(of: name.text, preferring: 0) else { return nil }
        let response = try await request(
            RemotingCommand(.getConsumerListByGroup, header: ConsumerGroupHeader(consumerGroup: group)), to: address,
            timeout: configuration.requestTimeout)
        guard response.responseCode == .success else { return nil }
        do {
            return try ConsumerIdList(body: response.body).clientIds
        } catch {
            throw .malformed("the member list of \(group)", from: address, error)
        }
    }

    func read<Header: CommandHeader>(
        _ response: RemotingCommand, _ type: Header.Type, _ address: String
    ) throws(ClientError) -> Header {
        do {
            return try response.header(type)
        } catch {
            throw .malformed("the answer", from: address, error)
        }
    }
}

extension QueueHeader {
    /// Names the broker as well, which proxies go by.
    fileprivate init(_ queue: MessageQueue) {
        self.init(topic: queue.topic, queueId: queue.queueId)
        brokerName = queue.brokerName
    }
}
