import RMQCommon
import RMQRemoting

/// Reading queues: offsets and messages.
extension ClusterAccess {
    /// How a pull ended, in the reference's words.
    enum PullStatus: String {
        case found = "FOUND"
        case noNewMessage = "NO_NEW_MSG"
        case noMatchedMessage = "NO_MATCHED_MSG"
        case offsetIllegal = "OFFSET_ILLEGAL"
    }

    struct Pulled {
        var status: PullStatus
        var nextOffset: Int64
        var messages: [StoredMessage]
    }

    /// Which end of a queue, or which moment in it.
    enum Place {
        case start, end
        /// The first message stored at or after these milliseconds since 1970.
        case moment(Int64)
    }

    func offset(of place: Place, in queue: MessageQueue, at address: String) async throws(AdminError) -> Int64 {
        let header = QueueHeader(topic: queue.topic, queueId: queue.queueId)
        let request =
            switch place {
            case .start: RemotingCommand(.getMinOffset, header: header)
            case .end: RemotingCommand(.getMaxOffset, header: header)
            case .moment(let time):
                RemotingCommand(
                    .searchOffsetByTimestamp,
                    header: SearchOffsetHeader {
                        $0.topic = queue.topic
                        $0.queueId = queue.queueId
                        $0.timestamp = time
                    })
            }
        return try await askBroker(address, request).number("offset")
    }

    /// One pull without waiting. The group's offsets stay as they are.
    func pull(
        _ queue: MessageQueue, from offset: Int64, count: Int32, group: String, at address: String
    ) async throws(AdminError) -> Pulled {
        let header = PullMessageHeader {
            $0.consumerGroup = group
            $0.topic = queue.topic
            $0.queueId = queue.queueId
            $0.queueOffset = offset
            $0.maxMessages = count
            $0.flags = .carriesSubscription
            $0.subscription = "*"
        }
        let response = try await answer(of: address, to: RemotingCommand(.pullMessage, header: header))
        let status: PullStatus
        switch response.responseCode {
        case .success: status = .found
        case .pullNotFound: status = .noNewMessage
        case .pullRetryImmediately: status = .noMatchedMessage
        case .pullOffsetMoved: status = .offsetIllegal
        default: throw .refused(code: response.code, remark: response.remark ?? "", broker: address)
        }
        var messages: [StoredMessage] = []
        if status == .found {
            messages = try Self.messages(response, from: address)
            for index in messages.indices {
                messages[index].brokerName = queue.brokerName
                messages[index].properties["MIN_OFFSET"] = response.fields?["minOffset"]
                messages[index].properties["MAX_OFFSET"] = response.fields?["maxOffset"]
            }
        }
        return Pulled(status: status, nextOffset: try response.number("nextBeginOffset"), messages: messages)
    }

    /// The records in the body of an answer.
    static func messages(_ response: RemotingCommand, from address: String) throws(AdminError) -> [StoredMessage] {
        do {
            return try MessageRecord.decodeAll(response.body, decompressing: true)
        } catch {
            throw .unreadable("a message from \(address): \(error)")
        }
    }
}
