import RMQCommon

extension HashOrder {
    /// The names of a table. Those of one bucket stand in the order of their bytes: tables here do not keep that in which they came.
    static func names<Value>(of table: [ByteText: Value]) -> [String] { sorted(table.sortedTexts) { JavaString.hash($0) } }

    /// The members of an object as the reference writes a table.
    static func object(_ members: [ByteText: JSONValue]) -> JSONValue {
        .object(JSONObject(names(of: members).map { (.string($0), members[$0] ?? .null) }))
    }
}
