import RMQCommon

/// What the store reads of a message's properties.
extension PropertyText {
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
}
