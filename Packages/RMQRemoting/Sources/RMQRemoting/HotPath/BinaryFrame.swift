/// Where the numbers of a binary request are that has no remark, in bytes from the start of its frame.
enum BinaryFrame {
    static let opaquePlace = 13
    static let fieldsLengthPlace = 25
    /// Two length words and the fixed start of the header.
    static let fieldsStart = 29
}
