public import RMQCommon

// The tables of TableBodies as files of a broker. A body is read as a whole or refused; in a file each entry counts alone.

extension TopicConfigTable {
    /// Reads topics.json. An entry is the topic of its key, whatever name stands in it.
    public init(file: JSONObject, _ report: inout EntryReport) throws(JSONError) {
        topics = try file.namedEntries("topicConfigTable", nameMember: "topicName", &report)
        dataVersion = try file.dataVersion(&report)
    }
}

extension SubscriptionGroupTable {
    /// Reads subscriptionGroup.json. An entry is the group of its key, whatever name stands in it.
    public init(file: JSONObject, _ report: inout EntryReport) throws(JSONError) {
        // To a broker the empty name is one like any other.
        groups = try file.namedEntries("subscriptionGroupTable", nameMember: "groupName", mayBeEmpty: true, &report)
        dataVersion = try file.dataVersion(&report)
    }
}

extension ConsumerOffsetTable {
    /// Reads consumerOffset.json or lmqConsumerOffset.json. Negative offsets and queue ids are left out: no queue has them, and a
    /// group without an offset starts where it says.
    public init(file: JSONObject, _ report: inout EntryReport) throws(JSONError) {
        offsets = [:]
        for (key, value) in try file.tableEntries("offsetTable") {
            guard let name = Self.pair(key, value, &report) else { continue }
            let queues = report.read(name, value) { (value) throws(JSONError) in try value.requireObject(name) }
            for (queueKey, offset) in queues?.members ?? [] {
                let entry = "\(name), queue \(queueKey.asString ?? queueKey.text())"
                guard let queueId = queueKey.asInt32, queueId >= 0 else {
                    report.leaveOut(entry, offset, because: "queues are counted from 0")
                    continue
                }
                if let offset = Self.offset(entry, offset, &report) { offsets[name, default: [:]][queueId] = offset }
            }
        }
        lightOffsets = file["lmqOffsetTable"] == nil ? nil : [:]
        for (key, value) in try file.tableEntries("lmqOffsetTable") {
            guard let name = Self.pair(key, value, &report) else { continue }
            lightOffsets?[name] = Self.offset(name, value, &report)
        }
    }

    /// A key that is `topic@group`, where the group may have an `@` of its own.
    private static func pair(_ key: JSONValue, _ value: JSONValue, _ report: inout EntryReport) -> String? {
        if let name = key.asString, name.contains(ascii: "@") { return name }
        report.leaveOut(key.asString ?? key.text(), value, because: "its name is not topic@group")
        return nil
    }

    private static func offset(_ entry: String, _ value: JSONValue, _ report: inout EntryReport) -> Int64? {
        if let offset = value.asInt64, offset >= 0 { return offset }
        report.leaveOut(entry, value, because: "an offset is a number from 0 on")
        return nil
    }
}

extension JSONObject {
    /// The entries of a table member; none when it is absent.
    fileprivate func tableEntries(_ name: String) throws(JSONError) -> [(key: JSONValue, value: JSONValue)] {
        try self[name]?.requireObject(name).members ?? []
    }

    /// The entries of a table whose keys stand in the entries once more, each read by itself.
    fileprivate func namedEntries<Entry: JSONBody>(
        _ table: String, nameMember: String, mayBeEmpty: Bool = false, _ report: inout EntryReport
    ) throws(JSONError) -> [ByteText: Entry] {
        var entries: [ByteText: Entry] = [:]
        for (key, value) in try tableEntries(table) {
            guard let name = key.asString, mayBeEmpty || !name.utf8.isEmpty, case .object(var entry) = value else {
                report.leaveOut(key.asString ?? key.text(), value, because: "an entry of \(table) is an object with a name")
                continue
            }
            let own = entry[nameMember]
            if own?.asText.map({ $0.utf8.elementsEqual(name.utf8) }) != true {
                if let own { report.correct(name, own, to: .string(name), because: "\(nameMember) is the name of the entry") }
                entry[nameMember] = .string(name)
            }
            entries[ByteText(name)] = report.read(name, .object(entry)) { (value) throws(JSONError) in try Entry(json: value) }
        }
        return entries
    }

    fileprivate func dataVersion(_ report: inout EntryReport) throws(JSONError) -> DataVersion {
        guard let value = part("dataVersion") else { return DataVersion() }
        return report.read("dataVersion", value) { (value) throws(JSONError) in try DataVersion(json: value) } ?? DataVersion()
    }
}
