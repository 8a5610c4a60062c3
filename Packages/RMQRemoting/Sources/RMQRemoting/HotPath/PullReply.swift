/// The header of an answer to a pull.
public struct PullReply {
    /// How the pull ended.
    public var code: ResponseCode
    /// The store's status name, such as `FOUND`.
    public var remark: StaticString
    /// The member of the broker set to ask next time; 0 the master.
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
    /// Answers a pull straight into the output buffer.
    ///
    /// - Parameters:
    ///   - bodyCount: bytes that `addBody` will add, no more and no less.
    ///   - addBody: adds the messages; long ones stay where they are until they are written.
    public func replyPull(_ reply: PullReply, to ticket: ReplyTicket, bodyCount: Int = 0, addBody: (PullReplyBody) -> Void = { _ in }) {
        guard isOpen, !ticket.isOneway else { return }
        channel.takeBack()
        channel.output.bytes.append(atMost: 512 + reply.remark.utf8CodeUnitCount) { room in
            var cursor = FrameCursor(room)
            switch ticket.serialization {
            case .json: reply.putJSON(&cursor, ticket.opaque)
            case .rocketmq: reply.putBinary(&cursor, ticket.opaque)
            }
            cursor.finish(ticket.serialization, headerCount: cursor.count - 8, bodyCount: bodyCount)
            return cursor.count
        }
        let end = channel.output.count + bodyCount
        addBody(PullReplyBody(connection: self))
        precondition(channel.output.count == end, "the body of a pull's answer is not as long as its frame says")
        channel.outputGrew()
    }
}

/// Where the body of an answer to a pull goes.
public struct PullReplyBody {
    fileprivate let connection: Connection

    /// Adds bytes that do not change for as long as `owner` lives.
    public func append(_ bytes: UnsafeRawBufferPointer, keeping owner: any AnyObject & Sendable) {
        connection.channel.output.append(bytes, keeping: owner)
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
