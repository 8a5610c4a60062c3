import RMQCommon

/// The ids of the messages of one send, which become texts when somebody asks for them.
struct MessageIds: Sendable {
    private enum Form: Sendable {
        case texts([String])
        /// One id, within these bytes.
        case within([UInt8], Range<Int>)
        /// Ids of equal length, one behind the other.
        case joined([UInt8], each: Int)
    }
    private let form: Form

    init(_ texts: [String]) { form = .texts(texts) }
    /// - Parameter place: where in the bytes the only id is.
    init(in bytes: [UInt8], at place: Range<Int>) { form = .within(bytes, place) }
    /// - Parameter each: bytes of an id, at least one.
    init(joined bytes: [UInt8], each: Int) { form = .joined(bytes, each: each) }

    var texts: [String] {
        switch form {
        case .texts(let texts): texts
        case .within(let bytes, let place): [String(decoding: bytes[place], as: UTF8.self)]
        case .joined(let bytes, let each):
            stride(from: 0, to: bytes.count, by: each).map { String(decoding: bytes[$0..<$0 + each], as: UTF8.self) }
        }
    }

    var first: String? {
        switch form {
        case .texts(let texts): texts.first
        case .within(let bytes, let place): String(decoding: bytes[place], as: UTF8.self)
        case .joined(let bytes, let each): String(decoding: bytes.prefix(each), as: UTF8.self)
        }
    }
}
