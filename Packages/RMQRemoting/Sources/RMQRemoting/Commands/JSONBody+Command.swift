public import RMQCommon

extension JSONBody {
    /// Reads the body of a command.
    public init(body: [UInt8]) throws(JSONError) {
        try self.init(json: JSONValue(parsing: body))
    }

    /// The body as the reference writes it: compact, with unquoted number keys and objects as keys.
    public var body: [UInt8] { json.bytes(.fastjson) }
}
