import Glibc
package import RMQCommon

/// One record of the log as recovery sees it. Pointers into the mapping.
package struct CheckedRecord {
    package var byteCount: Int
    package var physicalOffset: Int64
    package var queueId: Int32
    package var queueOffset: Int64
    package var systemFlag: SystemFlag
    package var storeTimestamp: Int64
    package var topic: UnsafeRawBufferPointer
    package var properties: UnsafeRawBufferPointer

    /// Where the next record may begin.
    var end: Int64 { physicalOffset + Int64(byteCount) }

    /// Whether a whole disk sector, as far as the record covers it, is zero although topic or properties stand there. A power
    /// failure leaves that of a record that was not synced: the file was zero before.
    func lacksSector(in segment: MappedFile) -> Bool {
        let start = Int(physicalOffset - segment.baseOffset)
        let end = start + byteCount
        for text in [topic, properties] where !text.isEmpty {
            let first = UnsafeRawPointer(text.baseAddress!) - UnsafeRawPointer(segment.base)
            var sector = first / Self.sectorBytes * Self.sectorBytes
            while sector < first + text.count {
                let from = max(sector, start)
                if segment.isZero(from: from, count: min(sector + Self.sectorBytes, end) - from) { return true }
                sector += Self.sectorBytes
            }
        }
        return false
    }

    /// What a disk writes whole or not at all.
    private static let sectorBytes = 512

    /// What the consume queue entry of this record carries: the hash of its tags, or of a delayed message the time of
    /// its delivery.
    package func tagCode(delayLevels: [Int64]) -> Int64 {
        if let level = PropertyText.delayLevel(properties), level > 0, topic.elementsEqual(SystemTopic.schedule.utf8), !delayLevels.isEmpty {
            return storeTimestamp &+ delayLevels[min(level, delayLevels.count) - 1]
        }
        return PropertyText.tagCode(properties, UnsafeRawBufferPointer(start: nil, count: 0))
    }
}

/// Decides whether the bytes at a position of a segment are a record. Trusts nothing it reads.
package enum RecordCheck {
    case record(CheckedRecord)
    /// The segment ends here.
    case filler
    case invalid(reason: String)

    /// The next place behind damage that is a record without doubt: magic, lengths, its own offset and its body agree.
    package static func nextRecord(in segment: MappedFile, from start: Int) -> Int? {
        var position = start
        let limit = segment.byteCount - 8
        while position < limit, let found = memchr(segment.base + position + 4, 0xDA, limit - position) {
            position = UnsafeRawPointer(segment.base).distance(to: UnsafeRawPointer(found)) - 4
            if segment.loadInt32(position + 4) == MessageRecord.magic, case .record = check(segment, at: position, verifiesBody: true) {
                return position
            }
            position += 1
        }
        return nil
    }

    /// Whether what begins at a position, record or filler, ends before `end`, the position up to which bytes are there.
    static func isComplete(_ segment: MappedFile, at position: Int, end: Int) -> Bool {
        guard end - position >= MessageRecord.fillerByteCount else { return false }
        switch segment.loadInt32(position + MessageRecord.magicOffset) {
        case MessageRecord.magic: return Int(segment.loadInt32(position)) <= end - position
        case MessageRecord.fillerMagic: return end == segment.byteCount
        default: return true  // it will never become one
        }
    }

    /// - Parameter verifiesBody: whether the body is read and its checksum compared.
    package static func check(_ segment: MappedFile, at position: Int, verifiesBody: Bool) -> RecordCheck {
        let limit = segment.byteCount - position
        guard limit >= MessageRecord.fillerByteCount else { return .invalid(reason: "too close to the end of the file") }
        let size = Int(segment.loadInt32(position))
        switch segment.loadInt32(position + MessageRecord.magicOffset) {
        case MessageRecord.fillerMagic: return .filler
        case MessageRecord.magic: break
        case 0 where size == 0: return .invalid(reason: "nothing is written there")
        default: return .invalid(reason: "no record begins there")
        }
        guard size >= MessageRecord.minimumByteCount, size <= limit else { return .invalid(reason: "a record cannot have \(size) bytes there") }
        let systemFlag = SystemFlag(rawValue: segment.loadInt32(position + MessageRecord.systemFlagOffset))
        guard let parts = try? RecordParts(UnsafeRawBufferPointer(start: segment.base + position, count: size), flag: systemFlag),
            parts.topic.count <= MessageRecord.topicByteLimit, parts.end == size
        else { return .invalid(reason: "the lengths of a record of \(size) bytes contradict each other") }
        let physicalOffset = segment.loadInt64(position + MessageRecord.physicalOffsetOffset)
        guard physicalOffset == segment.baseOffset + Int64(position) else {
            return .invalid(reason: "the record there says that it belongs to offset \(physicalOffset)")
        }
        if verifiesBody {
            if !parts.body.isEmpty, CRC32.rocketMQ(parts.body) != segment.loadInt32(position + MessageRecord.bodyCRCOffset) {
                return .invalid(reason: "the checksum of the body does not match")
            }
            // No checksum covers hosts. Java clients cannot read such a one, nor what follows it in the same pull.
            for end in [MessageRecord.storeTimestampOffset(systemFlag), MessageRecord.reconsumeTimesOffset(systemFlag)] where segment.loadInt32(position + end - 4) >> 16 != 0 {
                return .invalid(reason: "a host of the record has a port beyond 65535")
            }
        }
        return .record(
            CheckedRecord(
                byteCount: size, physicalOffset: physicalOffset, queueId: segment.loadInt32(position + MessageRecord.queueIdOffset),
                queueOffset: segment.loadInt64(position + MessageRecord.queueOffsetOffset), systemFlag: systemFlag,
                storeTimestamp: segment.loadInt64(position + MessageRecord.storeTimestampOffset(systemFlag)), topic: parts.topic, properties: parts.properties))
    }
}
