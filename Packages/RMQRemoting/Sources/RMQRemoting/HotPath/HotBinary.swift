/// One pass over a ROCKETMQ header that leaves its text where it is.
///
///     0     2         3        5       9     13           17       17+r       21+r
///     +-----+---------+--------+-------+-----+------------+--------+----------+---------+
///     |code | language| version| opaque| flag| remark: r  | remark | fields: f| entries |   big endian
///     +-----+---------+--------+-------+-----+------------+--------+----------+---------+
///     entry: i16 key length, key, i32 value length, value
///
/// Gives up on anything that does not fit; the slow way then tells what is wrong.
enum HotBinary {
    static func scan(_ header: UnsafeRawBufferPointer, fields: UnsafeMutableBufferPointer<FieldSlot>) -> ScannedHeader? {
        guard header.count >= 21 else { return nil }
        var result = ScannedHeader()
        result.code = Int32(header.bigEndian(at: 0, as: Int16.self))
        result.languageCode = header[2]
        result.version = Int32(header.bigEndian(at: 3, as: Int16.self))
        result.opaque = header.bigEndian(at: 5, as: Int32.self)
        result.flag = header.bigEndian(at: 9, as: Int32.self)
        let remark = Int(header.bigEndian(at: 13, as: Int32.self))
        guard remark >= 0, remark <= header.count - 21 else { return nil }
        var at = 21 + remark
        guard Int(header.bigEndian(at: 17 + remark, as: Int32.self)) == header.count - at else { return nil }
        while at < header.count {
            guard header.count - at >= 2 else { return nil }
            let keyCount = Int(header.bigEndian(at: at, as: Int16.self))
            at += 2
            guard keyCount >= 0, header.count - at >= keyCount + 4 else { return nil }
            let keyStart = at
            at += keyCount
            let valueCount = Int(header.bigEndian(at: at, as: Int32.self))
            at += 4
            guard valueCount >= 0, valueCount <= header.count - at else { return nil }
            if keyCount > 0, valueCount > 0 {  // an empty value is an absent field
                guard result.fieldCount < fields.count else { return nil }
                fields[result.fieldCount] = FieldSlot(
                    keyStart: Int32(truncatingIfNeeded: keyStart), keyCount: Int32(truncatingIfNeeded: keyCount),
                    valueStart: Int32(truncatingIfNeeded: at), valueCount: Int32(truncatingIfNeeded: valueCount))
                result.fieldCount += 1
            }
            at += valueCount
        }
        return result
    }
}

extension UnsafeRawBufferPointer {
    @inline(__always)
    func bigEndian<T: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: T.Type) -> T {
        T(bigEndian: loadUnaligned(fromByteOffset: offset, as: T.self))
    }
}
