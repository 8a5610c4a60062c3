import CRMQSystem
import Glibc
import RMQCommon
import RMQRemoting
import Synchronization

/// Sends at a steady rate to one queue and takes the time until a long poll brings each message back.
///
/// The first eight bytes of a body say when it was sent, on this machine's monotonic clock.
struct LatencyLoad: Sendable {
    let topic: String
    let target: SendTarget
    let startOffset: Int64
    let size: Int
    let rate: Int
    let messages: Int
    let serialization: HeaderSerialization
    let done: Counter

    /// Marks the place of the time in the body of the template; no text of a header looks like it.
    private static let marker: [UInt8] = [0xF5, 0xC1, 0xFE, 0xFF, 0xC0, 0xF6, 0xF7, 0xF8]

    /// - Returns: times from produce to consume, and those from send to acknowledgement.
    func run() async throws -> (consumed: LoadResult, acknowledged: LoadResult) {
        async let consumed = BenchThread.run { () throws(BenchError) in try receive() }
        async let acknowledged = BenchThread.run { () throws(BenchError) in try send() }
        return (try await consumed, try await acknowledged)
    }

    private func send() throws(BenchError) -> LoadResult {
        let socket = try LoadSocket(connectingTo: target.address)
        let header = SendMessageHeader {
            $0.producerGroup = "mqbench_producer"
            $0.topic = topic
            $0.queueId = target.queueId
            $0.bornTimestamp = WallClock.nowMilliseconds()
            $0.properties = MessageProperties([(PropertyName.uniqueKey, UniqueId.make())]).text
        }
        let body = Self.marker + [UInt8](repeating: 0x61, count: max(0, size - Self.marker.count))
        let template = try FrameTemplate(
            RemotingCommand(.sendMessageV2, header: SendMessageHeaderV2(header), body: body), serialization: serialization, changing: [])
        let timeAt = template.bytes.count - body.count
        var result = LoadResult()
        let start = nanosecondsNow()
        for number in 0..<messages {
            let due = start + Int64(number) * 1_000_000_000 / Int64(rate)
            // Waits for answers until the next message is due; `poll` counts in milliseconds, so the rest is slept.
            while nanosecondsNow() < due { try wait(until: due) }
            let now = nanosecondsNow()
            socket.append(template.bytes) { copy in
                template.patch(copy, opaque: FrameTemplate.firstOpaque + Int32(number % 1_000_000_000), number: 0, digits: 0)
                copy.storeBytes(of: now, toByteOffset: timeAt, as: Int64.self)
            }
            guard try !socket.flush() else { throw BenchError("the broker does not read fast enough for \(rate) messages a second") }
            try answer(socket, sentAt: now, &result)
        }
        return result
    }

    private func answer(_ socket: LoadSocket, sentAt: Int64, _ result: inout LoadResult) throws(BenchError) {
        var code = -1
        var remark = ""
        while code < 0 {
            try waitReadable(socket)
            try socket.receive { frame throws(BenchError) in
                code = frame.code
                if code != 0 { remark = frame.remark }
            }
        }
        guard code == 0 else { throw BenchError("a send was refused: \(remark)") }
        result.completed += 1
        result.latency.record(nanosecondsNow() - sentAt)
    }

    private func receive() throws(BenchError) -> LoadResult {
        let socket = try LoadSocket(connectingTo: target.address)
        let template = try FrameTemplate.pull(
            topic: topic, queueId: target.queueId, maxMessages: 32, suspend: .seconds(15), serialization: serialization)
        var result = LoadResult()
        var offset = startOffset
        var number: Int32 = 0
        while result.completed < messages {
            number = (number + 1) % 1_000_000_000
            socket.append(template.bytes) { template.patch($0, opaque: FrameTemplate.firstOpaque + number, number: offset, digits: 19) }
            guard try !socket.flush() else { throw BenchError("the broker does not read") }
            var answered = false
            while !answered {
                try waitReadable(socket)
                try socket.receive { frame throws(BenchError) in
                    answered = true
                    let now = nanosecondsNow()
                    guard let next = frame.number(after: "nextBeginOffset") else { throw BenchError("a pull was refused: \(frame.remark)") }
                    offset = Int64(next)
                    Records.forEach(frame.body) { record in
                        guard let sentAt = Self.sentAt(record) else { return }
                        result.completed += 1
                        result.latency.record(now - sentAt)
                        done.add()
                    }
                }
            }
        }
        return result
    }

    /// The time in the body of a stored record.
    private static func sentAt(_ record: UnsafeRawBufferPointer) -> Int64? {
        let flag = SystemFlag(rawValue: Int32(bigEndian: record.loadUnaligned(fromByteOffset: MessageRecord.systemFlagOffset, as: Int32.self)))
        let lengthAt = MessageRecord.bodyLengthOffset(flag)
        guard record.count >= lengthAt + 12,
            Int32(bigEndian: record.loadUnaligned(fromByteOffset: lengthAt, as: Int32.self)) >= 8
        else { return nil }
        return record.loadUnaligned(fromByteOffset: lengthAt + 4, as: Int64.self)
    }

    private func wait(until due: Int64) throws(BenchError) {
        var pause = timespec(tv_sec: 0, tv_nsec: Int(max(0, min(due - nanosecondsNow(), 100_000_000))))
        nanosleep(&pause, nil)
    }

    private func waitReadable(_ socket: LoadSocket) throws(BenchError) {
        var wish = pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&wish, 1, 20_000) != 0 else { throw BenchError("no answer for 20 s") }
    }
}
