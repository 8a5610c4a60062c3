import RMQCommon

/// The header of a command in ROCKETMQ serialization.
///
///     code  language version opaque flag  remark       fields
///     +----+--------+-------+------+-----+-----+------+-----+-------------------------------------+
///     | 2  | 1      | 2     | 4    | 4   | n:4 | n    | m:4 | m: (k:2 name:k v:4 value:v) repeated |
///     +----+--------+-------+------+-----+-----+------+-----+-------------------------------------+
///
/// Big endian, texts in UTF-8, malformed ones repaired with U+FFFD. An empty text and an absent one look the same and are read as absent. Bytes after
/// the fields are ignored, as the reference does.
enum BinaryHeader {
    static func write(_ command: RemotingCommand, to bytes: inout [UInt8]) {
        bytes.appendBigEndian(Int16(truncatingIfNeeded: command.code))
        bytes.append(command.language == .unknown ? LanguageCode.other.rawValue : command.language.rawValue)
        bytes.appendBigEndian(Int16(truncatingIfNeeded: command.version))
        bytes.appendBigEndian(command.opaque)
        bytes.appendBigEndian(command.flag)
        bytes.appendWithLength(command.remark ?? "", Int32.self)
        let lengthPlace = bytes.count
        bytes.appendBigEndian(Int32(0))
        for field in command.fields ?? HeaderFields() where (1 ... Int(Int16.max)).contains(field.name.utf8.count) {
            bytes.appendWithLength(field.name, Int16.self)
            bytes.appendWithLength(field.value, Int32.self)
        }
        let length = Int32(truncatingIfNeeded: bytes.count - lengthPlace - 4)
        bytes.withUnsafeMutableBytes { $0.storeBytes(of: length.bigEndian, toByteOffset: lengthPlace, as: Int32.self) }
    }

    static func read(_ header: UnsafeRawBufferPointer) throws(FrameError) -> RemotingCommand {
        var reader = ByteReader(header)
        guard
            let code = reader.readInt16(), let language = reader.readUInt8(), let version = reader.readInt16(),
            let opaque = reader.readInt32(), let flag = reader.readInt32()
        else {
            throw .badLength(of: "fixed part of the header", length: 21, available: header.count)
        }
        var command = RemotingCommand(
            code: Int32(code), language: LanguageCode(rawValue: language), version: Int32(version), opaque: opaque,
            flag: flag, serialization: .rocketmq)
        let remark = try readText("remark", length: reader.readInt32().map(Int.init), from: &reader)
        command.remark = remark.isEmpty ? nil : remark
        let entries = try readBytes("fields", length: reader.readInt32().map(Int.init), from: &reader)
        if !entries.isEmpty {
            command.fields = try readFields(entries)
        }
        return command
    }

    private static func readFields(_ entries: UnsafeRawBufferPointer) throws(FrameError) -> HeaderFields {
        var fields = HeaderFields(minimumCapacity: 16)
        var reader = ByteReader(entries)
        while reader.remaining > 0 {
            let name = try readText("field name", length: reader.readInt16().map(Int.init), from: &reader)
            let value = try readText("field value", length: reader.readInt32().map(Int.init), from: &reader)
            guard !name.isEmpty, !value.isEmpty else { continue }
            guard fields.count < HeaderFields.limit else { throw .tooManyFields(limit: HeaderFields.limit) }
            fields.append(name, value)
        }
        return fields
    }

    private static func readText(
        _ what: String, length: Int?, from reader: inout ByteReader
    ) throws(FrameError) -> String {
        String(decoding: try readBytes(what, length: length, from: &reader), as: UTF8.self)
    }

    private static func readBytes(
        _ what: String, length: Int?, from reader: inout ByteReader
    ) throws(FrameError) -> UnsafeRawBufferPointer {
        guard let length else { throw .badLength(of: "length of \(what)", length: 4, available: reader.remaining) }
        guard length >= 0, length <= reader.remaining, let bytes = reader.readBytes(length) else {
            throw .badLength(of: what, length: length, available: reader.remaining)
        }
        return bytes
    }
}

extension [UInt8] {
    fileprivate mutating func appendBigEndian<Number: FixedWidthInteger>(_ number: Number) {
        Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
    }

    fileprivate mutating func appendWithLength<Length: FixedWidthInteger>(_ text: String, _ length: Length.Type) {
        appendBigEndian(Length(truncatingIfNeeded: text.utf8.count))
        append(contentsOf: text.utf8)
    }
}
