/// Resolves `{"$ref":"$.a.b[0]"}`, the reference's way to write an object instance a second time. A path to nothing gives null.
enum JSONReferences {
    /// Values that a document may hold more than its text has bytes. References inside referenced values multiply, so this
    /// bounds the work.
    private static let addedValues = 100_000

    /// - Parameter byteCount: of the document's text: more values than that do not stand in it.
    static func resolve(_ document: JSONValue, byteCount: Int) throws(JSONError) -> JSONValue {
        var left = byteCount + addedValues
        return try resolve(document, root: document, depth: 0, left: &left)
    }

    private static func resolve(_ value: JSONValue, root: JSONValue, depth: Int, left: inout Int) throws(JSONError) -> JSONValue {
        left -= 1
        guard left >= 0, depth <= JSONValue.depthLimit else { throw .badReference("(expands without end)") }
        switch value {
        case .array(let elements):
            var resolved: [JSONValue] = []
            for element in elements { resolved.append(try resolve(element, root: root, depth: depth + 1, left: &left)) }
            return .array(resolved)
        case .object(let object):
            if object.count == 1, case .string(let path)? = object["$ref"] {
                guard let target = find(path, in: root) else { return .null }
                return try resolve(target, root: root, depth: depth + 1, left: &left)
            }
            var resolved = JSONObject()
            for member in object.members {
                resolved.append(
                    try resolve(member.key, root: root, depth: depth + 1, left: &left),
                    try resolve(member.value, root: root, depth: depth + 1, left: &left))
            }
            return .object(resolved)
        case .null, .bool, .integer, .double, .string: return value
        }
    }

    /// Follows `$`, `.name` and `[index]`.
    private static func find(_ path: String, in root: JSONValue) -> JSONValue? {
        guard path.hasBytePrefix("$") else { return nil }
        var rest = path.utf8.dropFirst()
        var value = root
        while let kind = rest.first {
            rest = rest.dropFirst()
            if kind == UInt8(ascii: ".") {
                let name = rest.prefix { $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "[") }
                guard let member = value[String(Substring(name))] else { return nil }
                value = member
                rest = rest.dropFirst(name.count)
            } else {
                let digits = rest.prefix { $0 != UInt8(ascii: "]") }
                guard kind == UInt8(ascii: "["), let index = Int(Substring(digits)), let elements = value.asArray, elements.indices.contains(index) else { return nil }
                value = elements[index]
                rest = rest.dropFirst(digits.count + 1)
            }
        }
        return value
    }
}
