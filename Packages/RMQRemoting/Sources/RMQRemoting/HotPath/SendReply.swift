/// The two entries that every answer to a send carries, encoded once.
public struct SendReplyTrailer: Sendable {
    let json: [UInt8]
    let binary: [UInt8]

    /// - Parameter region: a plain name; it is written as it is.
    public init(region: String = "DefaultRegion", traceOn: Bool = true) {
        let escaped = region.utf8.flatMap { byte -> [UInt8] in
            byte == 0x22 || byte == 0x5C ? [0x5C, byte] : byte < 0x20 ? [] : [byte]
        }
        json = Array(",\"TRACE_ON\":\"\(traceOn)\",\"MSG_REGION\":\"".utf8) + escaped + [0x22]
        func entry(_ name: String, _ value: String) -> [UInt8] {
            let (name, value) = (Array(name.utf8), Array(value.utf8))
            return [UInt8(name.count >> 8), UInt8(name.count & 0xFF)] + name
                + withUnsafeBytes(of: Int32(value.count).bigEndian, Array.init) + value
        }
        binary = entry("TRACE_ON", "\(traceOn)") + entry("MSG_REGION", region)
    }
}

/// The id of a stored message in an answer.
public enum ReplyMessageId {
    /// IPv4 address and port of the store, and the position in its log: written as 32 hexadecimal digits.
    case stored(ipv4AndPort: UInt64, physicalOffset: Int64)
    /// The same for each message of a batch, with commas between. Their records lie one behind the other, so long each.
    case batch(ipv4AndPort: UInt64, physicalOffset: Int64, byteCounts: [Int32])
    /// Ready text, such as ids with an IPv6 address. Plain ASCII.
    case text(UnsafeRawBufferPointer)

    fileprivate var count: Int {
        switch self {
        case .stored: 32
        case .batch(_, _, let byteCounts): max(0, byteCounts.count * 33 - 1)
        case .text(let text): text.count
        }
    }
}

extension Connection {
    /// Answers a stored send straight into the output buffer; silent when it was one-way.
    public func replySend(
        to ticket: ReplyTicket, code: ResponseCode = .success, messageId: ReplyMessageId, queueId: Int32,
        queueOffset: Int64, trailer: SendReplyTrailer
    ) {
        guard isOpen, !ticket.isOneway else { return }
        channel.output.bytes.append(atMost: 384 + messageId.count + trailer.json.count) { room in
            var cursor = FrameCursor(room)
            switch ticket.serialization {
            case .json: SendReply.json(&cursor, ticket.opaque, code, messageId, queueId, queueOffset, trailer)
            case .rocketmq: SendReply.binary(&cursor, ticket.opaque, code, messageId, queueId, queueOffset, trailer)
            }
            cursor.finish(ticket.serialization, headerCount: cursor.count - 8, bodyCount: 0)
            return cursor.count
        }
        channel.outputGrew()
    }
}

private enum SendReply {
    @inline(__always)
    static func json(
        _ cursor: inout FrameCursor, _ opaque: Int32, _ code: ResponseCode, _ id: ReplyMessageId, _ queueId: Int32,
        _ queueOffset: Int64, _ trailer: SendReplyTrailer
    ) {
        cursor.put("\0\0\0\0\0\0\0\0{\"code\":")
        cursor.put(decimal: Int64(code.rawValue))
        cursor.put(",\"extFields\":{\"queueId\":\"")
        cursor.put(decimal: Int64(queueId))
        cursor.put("\"")
        cursor.put(trailer.json)
        cursor.put(",\"msgId\":\"")
        put(id, &cursor)
        cursor.put("\",\"queueOffset\":\"")
        cursor.put(decimal: queueOffset)
        cursor.put("\"},\"flag\":1,\"language\":\"OTHER\",\"opaque\":")
        cursor.put(decimal: Int64(opaque))
        cursor.put(",\"serializeTypeCurrentRPC\":\"JSON\",\"version\":")
        cursor.put(decimal: Int64(ProtocolVersion.current.ordinal))
        cursor.put("}")
    }

    @inline(__always)
    static func binary(
        _ cursor: inout FrameCursor, _ opaque: Int32, _ code: ResponseCode, _ id: ReplyMessageId, _ queueId: Int32,
        _ queueOffset: Int64, _ trailer: SendReplyTrailer
    ) {
        cursor.putBinaryStart(code: code, opaque: opaque)
        cursor.put(bigEndian: Int32(0))  // no remark
        let fieldsAt = cursor.count
        cursor.put(bigEndian: Int32(0))
        cursor.put(bigEndian: Int16(5))
        cursor.put("msgId")
        cursor.put(bigEndian: Int32(truncatingIfNeeded: id.count))
        put(id, &cursor)
        cursor.put(entry: "queueId", decimal: Int64(queueId))
        cursor.put(entry: "queueOffset", decimal: queueOffset)
        cursor.put(trailer.binary)
        cursor.put(bigEndian: Int32(truncatingIfNeeded: cursor.count - fieldsAt - 4), at: fieldsAt)
    }

    @inline(__always)
    private static func put(_ id: ReplyMessageId, _ cursor: inout FrameCursor) {
        switch id {
        case .stored(let address, let offset):
            cursor.put(hex: address)
            cursor.put(hex: UInt64(bitPattern: offset))
        case .batch(let address, var offset, let byteCounts):
            for (index, byteCount) in byteCounts.enumerated() {
                if index > 0 { cursor.put(",") }
                cursor.put(hex: address)
                cursor.put(hex: UInt64(bitPattern: offset))
                offset += Int64(byteCount)
            }
        case .text(let text):
            cursor.put(text)
        }
    }
}

extension FrameCursor {
    /// Both length words (still zero) and the fixed start of a ROCKETMQ answer, up to and including its flag.
    @inline(__always)
    mutating func putBinaryStart(code: ResponseCode, opaque: Int32) {
        put(bigEndian: Int64(0))
        put(bigEndian: Int16(truncatingIfNeeded: code.rawValue))
        put(bigEndian: LanguageCode.other.rawValue)
        put(bigEndian: Int16(truncatingIfNeeded: ProtocolVersion.current.ordinal))
        put(bigEndian: opaque)
        put(bigEndian: RemotingCommand.Flag.response)
    }
}
