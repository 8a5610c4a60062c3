/// Why a document or a value in it could not be read.
public enum JSONError: Error, Equatable, Sendable {
    /// The text is not JSON of the dialect: what was wanted at which byte.
    case malformed(at: Int, expected: String)
    /// Objects and arrays within each other beyond the limit.
    case tooDeep(limit: Int)
    case missing(property: String)
    case wrongType(property: String, expected: String)
    /// A value outside what the property allows.
    case badValue(property: String, value: String)
    /// `$ref` that would expand without end.
    case badReference(String)
}

extension JSONError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .malformed(let offset, let expected): "malformed JSON at byte \(offset): expected \(expected)"
        case .tooDeep(let limit): "JSON nested deeper than \(limit) levels"
        case .missing(let property): "JSON property \(property) is missing"
        case .wrongType(let property, let expected): "JSON property \(property) is not \(expected)"
        case .badValue(let property, let value): "JSON property \(property) has the value \(value), which is not allowed"
        case .badReference(let path): "JSON reference \(path) cannot be resolved"
        }
    }
}
