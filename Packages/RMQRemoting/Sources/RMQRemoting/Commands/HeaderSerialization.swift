import RMQCommon

/// How the header of one frame is written. Each frame says so itself, in the top byte of its header word,
/// and a request is answered in the serialization it came in.
public enum HeaderSerialization: UInt8, Hashable, Sendable, CaseIterable {
    case json = 0
    case rocketmq = 1

    /// The name in settings: `JSON` or `ROCKETMQ`, case-sensitive as at the reference.
    public init?(name: String) {
        switch ByteText(name) {
        case "JSON": self = .json
        case "ROCKETMQ": self = .rocketmq
        default: return nil
        }
    }
}
