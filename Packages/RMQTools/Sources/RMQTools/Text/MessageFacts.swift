import RMQClient
import RMQCommon

/// Messages as `--json` shows them, by the names that their parts have in the protocol.
extension StoredMessage {
    /// - Parameter text: the body in the character set that the person asked for; nil when it is not to be shown.
    func facts(text: String?) -> JSONObject {
        let pairs = properties.map { (JSONValue.string($0.name), JSONValue.string($0.value)) }
        var facts: JSONObject = [
            "topic": .string(topic), "brokerName": brokerName.isEmpty ? .null : .string(brokerName), "queueId": .integer(Int64(queueId)),
            "queueOffset": .integer(queueOffset), "msgId": .string(messageId), "offsetMsgId": .string(offsetMessageId),
        ]
        facts.append("tags", JSONValue(tags))
        facts.append("keys", .array(keys.map { .string($0) }))
        facts.append("properties", .object(JSONObject(pairs)))
        facts.append("commitLogOffset", .integer(physicalOffset))
        facts.append("storeSize", .integer(Int64(storeSize)))
        facts.append("bodyCRC", .integer(Int64(bodyCRC)))
        facts.append("flag", .integer(Int64(flag)))
        facts.append("sysFlag", .integer(Int64(systemFlag.rawValue)))
        facts.append("bornTimestamp", .integer(bornTimestamp))
        facts.append("bornHost", .string("\(bornHost)"))
        facts.append("storeTimestamp", .integer(storeTimestamp))
        facts.append("storeHost", .string("\(storeHost)"))
        facts.append("reconsumeTimes", .integer(Int64(reconsumeTimes)))
        facts.append("preparedTransactionOffset", .integer(preparedTransactionOffset))
        guard let text else { return facts }
        facts.append("body", .string(text))
        // What is no text is lost in one.
        if String(validating: body, as: UTF8.self) == nil { facts.append("bodyBase64", .string(Base64.text(body))) }
        return facts
    }
}
