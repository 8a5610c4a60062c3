import RMQCommon

/// Settings of a server, one a line.
enum SettingsText {
    /// In the reference's order, which is that of a hash table.
    static func render(_ pairs: [(key: String, value: String)]) -> String {
        ordered(pairs).map { Columns.left($0.key, 50) + "=  " + $0.value + "\n" }.joined()
    }

    /// Values as the texts that they are: `1s 5s` and `0` are told alike.
    static func json(_ pairs: [(key: String, value: String)]) -> JSONValue {
        .object(JSONObject(latest(pairs).sorted { ByteText($0.key) < ByteText($1.key) }.map { (.string($0.key), .string($0.value)) }))
    }

    private static func ordered(_ pairs: [(key: String, value: String)]) -> [(key: String, value: String)] {
        HashOrder.sorted(latest(pairs)) { JavaString.hash($0.key) }
    }

    /// Each key once, with its last value.
    private static func latest(_ pairs: [(key: String, value: String)]) -> [(key: String, value: String)] {
        var values: [ByteText: String] = [:]
        var keys: [String] = []
        for (key, value) in pairs where values.updateValue(value, forKey: ByteText(key)) == nil { keys.append(key) }
        return keys.map { ($0, values[$0] ?? "") }
    }
}
