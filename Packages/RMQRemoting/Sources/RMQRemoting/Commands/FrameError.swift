/// Why a frame cannot be read as a command. The connection that sent it is closed: after a wrong length
/// nothing that follows can be trusted.
public enum FrameError: Error, Hashable, Sendable {
    /// The frame ends before its header word does.
    case tooShort(bytes: Int)
    /// The header word claims more bytes than the frame has left.
    case headerTooLong(bytes: Int, available: Int)
    /// The top byte of the header word is neither 0 (JSON) nor 1 (ROCKETMQ).
    case unknownSerialization(UInt8)
    /// A length inside a ROCKETMQ header is negative or reaches beyond what surrounds it.
    case badLength(of: String, length: Int, available: Int)
    /// A JSON header is not an object, or not JSON, or holds a value of the wrong kind.
    case malformedJSON(String)
    /// More header fields than ``HeaderFields/limit``.
    case tooManyFields(limit: Int)
}

extension FrameError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .tooShort(let bytes): "frame of \(bytes) bytes has no room for its header word"
        case .headerTooLong(let bytes, let available): "header of \(bytes) bytes in a frame with \(available) left"
        case .unknownSerialization(let code): "unknown header serialization \(code)"
        case .badLength(let what, let length, let available): "\(what) of \(length) bytes where \(available) are left"
        case .malformedJSON(let reason): "malformed JSON header: \(reason)"
        case .tooManyFields(let limit): "more than \(limit) header fields"
        }
    }
}
