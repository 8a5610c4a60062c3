import RMQCommon

/// Reads the header of a command in JSON serialization.
///
/// The form that every known client writes is read straight from the bytes in one pass. Whatever else the reference's
/// JSON library accepts (other letter case, unquoted or single-quoted names, numbers as texts, extra members)
/// goes through ``JSONValue``, slower and with the same meaning. Malformed UTF-8 is repaired with U+FFFD: one name in another
/// encoding must not cost its sender the connection.
enum JSONHeaderReader {
    static func read(_ header: UnsafeRawBufferPointer) throws(FrameError) -> RemotingCommand {
        var scanner = JSONHeaderScanner(header)
        if let command = scanner.command() {
            guard command.fields?.count ?? 0 <= HeaderFields.limit else { throw .tooManyFields(limit: HeaderFields.limit) }
            return command
        }
        return try tolerantly(header)
    }

    private static func tolerantly(_ header: UnsafeRawBufferPointer) throws(FrameError) -> RemotingCommand {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: [UInt8](header))
        } catch {
            throw .malformedJSON("\(error)")
        }
        guard let object = value.asObject else { throw .malformedJSON("not an object") }
        var command = RemotingCommand(code: 0, language: .java, version: 0)
        for (key, member) in object.members {
            guard let name = key.asString, member != .null else { continue }
            switch name.lowercased() {
            case "code": command.code = try number(member, name)
            case "flag": command.flag = try number(member, name)
            case "opaque": command.opaque = try number(member, name)
            case "version": command.version = try number(member, name)
            case "language": command.language = language(member)
            case "remark": command.remark = text(member)
            case "extfields": command.fields = try fields(member)
            default: break
            }
        }
        return command
    }

    private static func number(_ value: JSONValue, _ name: String) throws(FrameError) -> Int32 {
        guard let number = value.asInt32 else { throw .malformedJSON("\(name) is not a 32-bit integer") }
        return number
    }

    private static func language(_ value: JSONValue) -> LanguageCode {
        if case .string(let name) = value { return LanguageCode(name: name) ?? .unknown }
        return value.asInt32.flatMap(UInt8.init(exactly:)).map(LanguageCode.init(rawValue:)) ?? .unknown
    }

    private static func fields(_ value: JSONValue) throws(FrameError) -> HeaderFields {
        guard let object = value.asObject else { throw .malformedJSON("extFields is not an object") }
        guard object.members.count <= HeaderFields.limit else { throw .tooManyFields(limit: HeaderFields.limit) }
        var fields = HeaderFields(minimumCapacity: object.members.count)
        for (key, member) in object.members {
            fields.append(text(key) ?? "", text(member))
        }
        return fields
    }

    /// A value as the text that the reference makes of it; nil for null.
    private static func text(_ value: JSONValue) -> String? {
        switch value {
        case .null: nil
        case .string(let text): text
        default: value.text(.fastjson)
        }
    }
}
