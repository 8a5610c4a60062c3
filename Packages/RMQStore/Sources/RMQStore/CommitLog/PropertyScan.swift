import RMQCommon

/// Looks single properties up in their encoded form, without making a dictionary.
///
///     name 0x01 value 0x02 name 0x01 value …      the last 0x02 may be missing
///
/// Later duplicates win; a pair counts only when neither name nor value is empty.
package enum PropertyScan {
    static let nameSeparator: UInt8 = 1
    static let pairSeparator: UInt8 = 2

    /// The value of `name`, pointing into `properties`; nil when it is absent or empty.
    package static func value(_ name: StaticString, in properties: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var found: UnsafeRawBufferPointer?
        var start = 0
        let nameCount = name.utf8CodeUnitCount
        while start < properties.count {
            let end = index(of: pairSeparator, in: properties, from: start) ?? properties.count
            let valueStart = start + nameCount + 1
            if valueStart < end, properties[valueStart - 1] == nameSeparator,
                (0..<nameCount).allSatisfy({ properties[start + $0] == name.utf8Start[$0] })
            {
                found = UnsafeRawBufferPointer(rebasing: properties[valueStart..<end])
            }
            start = end + 1
        }
        return found
    }

    /// The hash of the tags; 0 without any. The second list comes after the first, so it wins.
    static func tagCode(_ properties: UnsafeRawBufferPointer, _ added: UnsafeRawBufferPointer) -> Int64 {
        guard let tags = value("TAGS", in: added) ?? value("TAGS", in: properties) else { return 0 }
        return Int64(JavaString.hash(utf8: tags))
    }

    /// `DELAY`, as far as it is a number.
    static func delayLevel(_ properties: UnsafeRawBufferPointer) -> Int? {
        guard let text = value("DELAY", in: properties) else { return nil }
        return Int(String(decoding: text, as: UTF8.self))
    }

    static func needsSeparator(_ properties: UnsafeRawBufferPointer, _ added: UnsafeRawBufferPointer) -> Bool {
        guard let last = properties.last, !added.isEmpty else { return false }
        return last != pairSeparator
    }

    @inline(__always)
    private static func index(of byte: UInt8, in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var position = start
        while position < bytes.count {
            if bytes[position] == byte { return position }
            position += 1
        }
        return nil
    }
}
