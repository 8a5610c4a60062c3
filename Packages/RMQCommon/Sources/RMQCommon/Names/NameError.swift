/// Why a text is not a topic or group name.
public enum NameError: Error, Equatable, Sendable {
    case blank
    case tooLong(bytes: Int, limit: Int)
    case illegalCharacter(String, name: String)
}

extension NameError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .blank: "the name is blank"
        case .tooLong(let bytes, let limit): "the name has \(bytes) bytes, at most \(limit) are allowed"
        case .illegalCharacter(let character, let name):
            "the name \"\(name)\" contains \"\(character)\", allowed are letters, digits and % | - _"
        }
    }
}

enum NameCheck {
    /// Accepts what the reference does: `%`, `|`, `-`, `_`, ASCII digits and letters. So a name is one component of a path and never `..`.
    static func check(_ name: String, limit: Int) throws(NameError) {
        guard name.utf8.contains(where: { $0 > 0x20 }) else { throw .blank }
        for scalar in name.unicodeScalars {
            switch scalar {
            case "%", "|", "-", "_", "0" ... "9", "A" ... "Z", "a" ... "z": continue
            default: throw .illegalCharacter(String(scalar), name: String(decoding: name.utf8.prefix(limit), as: UTF8.self))
            }
        }
        guard name.utf8.count <= limit else { throw .tooLong(bytes: name.utf8.count, limit: limit) }
    }
}
