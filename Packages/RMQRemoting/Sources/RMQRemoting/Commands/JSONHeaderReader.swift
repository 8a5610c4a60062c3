import RMQCommon

/// Reads the header of a command in JSON serialization.
///
/// The form that every known client writes is read straight from the bytes in one pass. Whatever else the reference's
/// JSON library accepts (other letter case, unquoted or single-quoted names, numbers as texts, extra members, comments, a byte order mark)
/// goes through ``JSONValue``, slower and with the same meaning. Malformed UTF-8 is repaired with U+FFFD: one name in another
/// encoding must not cost its sender the connection.
enum JSONHeaderReader {
    static func read(_ header: UnsafeRawBufferPointer) throws(FrameError) -> RemotingCommand {
        if let command = plainly(header) { return command }
        return try tolerantly(header)
    }

    /// Nil when the header has an unusual form, or more fields than any that is usual.
    private static func plainly(_ header: UnsafeRawBufferPointer) -> RemotingCommand? {
        withUnsafeTemporaryAllocation(of: FieldSlot.self, capacity: HeaderScratch.fieldLimit) { slots in
            guard let scanned = HotJSON.scan(header, fields: slots) else { return nil }
            var command = RemotingCommand(
                code: scanned.code, language: LanguageCode(rawValue: scanned.languageCode), version: scanned.version,
                opaque: scanned.opaque, flag: scanned.flag)
            if let remark = scanned.remark {
                guard let text = Self.text(remark, in: header) else { return nil }
                command.remark = text
            }
            guard scanned.hasFields else { return command }
            var fields = HeaderFields(minimumCapacity: scanned.fieldCount)
            for slot in slots[..<scanned.fieldCount] {
                guard let text = Self.text(slot, in: header) else { return nil }
                fields.append(String(decoding: slot.key(in: header), as: UTF8.self), text)
            }
            command.fields = fields
            return command
        }
    }

    /// Nil for an escape that the tolerant reader has to judge, such as half a surrogate pair.
    private static func text(_ slot: FieldSlot, in header: UnsafeRawBufferPointer) -> String? {
        let bytes = slot.value(in: header)
        guard slot.isEscaped else { return String(decoding: bytes, as: UTF8.self) }
        return withUnsafeTemporaryAllocation(byteCount: bytes.count, alignment: 1) { room in
            bytes.unescapeJSON(into: room).map { String(decoding: room[..<$0], as: UTF8.self) }
        }
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
            switch ByteText(name.asciiLowercased) {
            case "code": try read(member, name, into: &command.code)
            case "flag": try read(member, name, into: &command.flag)
            case "opaque": try read(member, name, into: &command.opaque)
            case "version": try read(member, name, into: &command.version)
            case "language": command.language = LanguageCode.read(member, name) ?? .unknown
            case "remark": command.remark = member.asText
            case "extfields": command.fields = try fields(member)
            default: break
            }
        }
        return command
    }

    private static func read(_ value: JSONValue, _ name: String, into number: inout Int32) throws(FrameError) {
        guard !value.isBlank else { return }
        guard let read = value.asInt32 else { throw .malformedJSON("\(name) is not a 32-bit integer") }
        number = read
    }

    private static func fields(_ value: JSONValue) throws(FrameError) -> HeaderFields {
        guard let object = value.asObject else { throw .malformedJSON("extFields is not an object") }
        guard object.members.count <= HeaderFields.limit else { throw .tooManyFields(limit: HeaderFields.limit) }
        var fields = HeaderFields(minimumCapacity: object.members.count)
        for (key, member) in object.members {
            fields.append(key.asText ?? "", member.asText)
        }
        return fields
    }
}
