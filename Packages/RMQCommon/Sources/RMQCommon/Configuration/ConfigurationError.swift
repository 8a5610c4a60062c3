/// Why a configuration cannot be used.
public enum ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A value that its key does not allow, and what it does allow.
    case badValue(key: String, value: String, allowed: String)
    case missingFile(path: String)
    case unreadable(SystemFailure)
    /// Half of its bytes would be taken for a part of the keys, so that none of them would be known.
    case isUTF16(path: String)

    public var description: String {
        switch self {
        case .badValue(let key, let value, let allowed): "configuration: \(key)=\(value) is not allowed; allowed: \(allowed)"
        case .missingFile(let path): "the configuration file \(path) does not exist"
        case .unreadable(let failure): "the configuration file cannot be read: \(failure)"
        case .isUTF16(let path): "the configuration file \(path) is UTF-16; save it as UTF-8"
        }
    }
}
