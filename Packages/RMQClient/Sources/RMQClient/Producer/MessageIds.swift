import RMQCommon

/// The ids of the messages of one send, which become texts when somebody asks for them.
struct MessageIds: Sendable {
    private enum Form: Sendable {
        case texts([String])
        /// The only one, within a property text.
        case within([UInt8], Range<Int>)
        /// In the properties of the entries of a batch.
        case batch([UInt8])
    }
    private let form: Form

    init(_ texts: [String]) { form = .texts(texts) }
    /// - Parameter place: where in the bytes the only id is.
    init(in bytes: [UInt8], at place: Range<Int>) { form = .within(bytes, place) }
    /// - Parameter body: all entries have an id.
    init(ofBatch body: [UInt8]) { form = .batch(body) }

    var texts: [String] {
        switch form {
        case .texts(let texts): texts
        case .within(let bytes, let place): [String(decoding: bytes[place], as: UTF8.self)]
        case .batch(let body): Self.ids(ofBatch: body)
        }
    }

    var first: String? {
        if case .within(let bytes, let place) = form { return String(decoding: bytes[place], as: UTF8.self) }
        return texts.first
    }

    private static func ids(ofBatch body: [UInt8]) -> [String] {
        var ids: [String] = []
        body.withUnsafeBytes { body in
            // It was written here, so it can be read.
            _ = try? BatchBody.forEach(body) { entry in
                if let id = PropertyText.value("UNIQ_KEY", in: entry.properties) { ids.append(String(decoding: id, as: UTF8.self)) }
            }
        }
        return ids
    }
}
