/// The header of an answer to a pull.
public struct PullReply {
    public var code: ResponseCode
    /// The store's status name, such as `FOUND`.
    public var remark: StaticString
    public var suggestWhichBrokerId: Int64
    public var nextBeginOffset: Int64
    public var minOffset: Int64
    public var maxOffset: Int64

    public init(
        code: ResponseCode, remark: StaticString, suggestWhichBrokerId: Int64 = 0, nextBeginOffset: Int64,
        minOffset: Int64, maxOffset: Int64
    ) {
        self.code = code
        self.remark = remark
        self.suggestWhichBrokerId = suggestWhichBrokerId
        self.nextBeginOffset = nextBeginOffset
        self.minOffset = minOffset
        self.maxOffset = maxOffset
    }
}

extension Connection {
    /// Answers a pull straight into the output buffer, with `chunks` as its body; those stay where they are until they are written.
    public func replyPull(_ reply: PullReply, to ticket: ReplyTicket, chunks: some Collection<OutputChunk>) {
        guard isOpen, !ticket.isOneway else { return }
        var bodyCount = 0
        for chunk in chunks { bodyCount += chunk.bytes.count }
        let room = output.bytes.room(512 + reply.remark.utf8CodeUnitCount)
        var cursor = FrameCursor(room)
        switch ticket.serialization {
        case .json: reply.putJSON(&cursor, ticket.opaque)
        case .rocketmq: reply.putBinary(&cursor, ticket.opaque)
        }
        cursor.finish(ticket.serialization, headerCount: cursor.count - 8, bodyCount: bodyCount)
        output.bytes.commit(cursor.count)
        for chunk in chunks { output.append(chunk) }
        outputGrew()
    }

    /// An answer without messages.
    public func replyPull(_ reply: PullReply, to ticket: ReplyTicket) {
        replyPull(reply, to: ticket, chunks: EmptyCollection())
    }
}

extension PullReply {
    @inline(__always)
    fileprivate func putJSON(_ cursor: inout FrameCursor, _ opaque: Int32) {
        cursor.put("\0\0\0\0\0\0\0\0{\"code\":")
        cursor.put(decimal: Int64(code.rawValue))
        cursor.put(",\"extFields\":{\"suggestWhichBrokerId\":\"")
        cursor.put(decimal: suggestWhichBrokerId)
        cursor.put("\",\"nextBeginOffset\":\"")
        cursor.put(decimal: nextBeginOffset)
        cursor.put("\",\"maxOffset\":\"")
        cursor.put(decimal: maxOffset)
        cursor.put("\",\"minOffset\":\"")
        cursor.put(decimal: minOffset)
        cursor.put("\"},\"flag\":1,\"language\":\"OTHER\",\"opaque\":")
        cursor.put(decimal: Int64(opaque))
        cursor.put(",\"remark\":\"")
        cursor.put(remark)
        cursor.put("\",\"serializeTypeCurrentRPC\":\"JSON\",\"version\":")
        cursor.put(decimal: Int64(ProtocolVersion.current.ordinal))
        cursor.put("}")
    }

    @inline(__always)
    fileprivate func putBinary(_ cursor: inout FrameCursor, _ opaque: Int32) {
        cursor.putBinaryStart(code: code, opaque: opaque)
        cursor.put(bigEndian: Int32(remark.utf8CodeUnitCount))
        cursor.put(remark)
        let fieldsAt = cursor.count
        cursor.put(bigEndian: Int32(0))
        cursor.put(entry: "suggestWhichBrokerId", decimal: suggestWhichBrokerId)
        cursor.put(entry: "nextBeginOffset", decimal: nextBeginOffset)
        cursor.put(entry: "minOffset", decimal: minOffset)
        cursor.put(entry: "maxOffset", decimal: maxOffset)
        cursor.put(bigEndian: Int32(cursor.count - fieldsAt - 4), at: fieldsAt)
    }
}
