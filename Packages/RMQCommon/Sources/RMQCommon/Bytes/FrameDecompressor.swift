/// Compressed content in frames that say themselves where they end, read piece by piece: LZ4 frames and Zstandard.
///
/// What it becomes is bounded by the caller's limit, however much a few bytes claim to hold.
enum FrameDecompressor {
    /// One step of a library: what it read and wrote of the bytes that it was lent, and whether a frame ended with that; nil for what is
    /// malformed.
    typealias Step = (_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) -> (read: Int, written: Int, isFrameEnd: Bool)?

    /// What a library writes to before it is copied to where it belongs.
    private static let pieceBytes = 64 * 1024

    /// The content of one frame or several, one behind the other.
    static func restore(_ bytes: UnsafeRawBufferPointer, limit: Int, _ step: Step) throws(CompressionError) -> [UInt8] {
        var content: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: pieceBytes)
        var at = 0
        while true {
            let taken = piece.withUnsafeMutableBytes { step(UnsafeRawBufferPointer(rebasing: bytes[at...]), $0) }
            guard let (read, written, isFrameEnd) = taken else { throw .malformed }
            guard content.count + written <= limit else { throw .tooLarge(limit: limit) }
            content.append(contentsOf: piece[..<written])
            at += read
            if isFrameEnd, at == bytes.count { return content }
            // The bytes are used up in the middle of a frame, or the library does not get on.
            guard read > 0 || written > 0 else { throw .malformed }
        }
    }
}
