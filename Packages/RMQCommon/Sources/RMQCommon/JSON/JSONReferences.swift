/// Resolves `{"$ref":"$.a.b[0]"}`, the reference's way to write an object instance a second time.
enum JSONReferences {
    /// Values visited while resolving one document. References inside referenced values multiply, so this bounds the work, not the text.
    private static let visitLimit = 100_000

    static func resolve(_ document: JSONValue) throws(JSONError) -> JSONValue {
        var visits = 0
        return try resolve(document, root: document, depth: 0, visits: &visits)
    }

    private static func resolve(_ value: JSONValue, root: JSONValue, depth: Int, visits: inout Int) throws(JSONError) -> JSONValue {
        visits += 1
        guard visits <= visitLimit, depth <= JSONValue.depthLimit else { throw .badReference("(expands without end)") }
        switch value {
        case .array(let elements):
            var resolved: [JSONValue] = []
            for element in elements { resolved.append(try resolve(element, root: root, depth: depth + 1, visits: &visits)) }
            return .array(resolved)
        case .object(let object):
            if object.count == 1, case .string(let path)? = object["$ref"] {
                guard let target = find(path, in: root) else { throw .badReference(path) }
                return try resolve(target, root: root, depth: depth + 1, visits: &visits)
            }
            var resolved = JSONObject()
            for member in object.members {
                resolved.append(
                    try resolve(member.key, root: root, depth: depth + 1, visits: &visits),
                    try resolve(member.value, root: root, depth: depth + 1, visits: &visits))
            }
            return .object(resolved)
        case .null, .bool, .integer, .double, .string: return value
        }
    }

    /// Follows `$`, `.name` and `[index]`.
    private static func find(_ path: String, in root: JSONValue) -> JSONValue? {
        var rest = path[...]
        guard rest.first == "$" else { return nil }
        rest = rest.dropFirst()
        var value = root
        while let kind = rest.first {
            rest = rest.dropFirst()
            if kind == "." {
                let name = rest.prefix { $0 != "." && $0 != "[" }
                guard let member = value[String(name)] else { return nil }
                value = member
                rest = rest.dropFirst(name.count)
            } else {
                let digits = rest.prefix { $0 != "]" }
                guard kind == "[", let index = Int(digits), let elements = value.asArray, elements.indices.contains(index) else { return nil }
                value = elements[index]
                rest = rest.dropFirst(digits.count + 1)
            }
        }
        return value
    }
}
