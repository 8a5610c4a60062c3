import RMQCommon
import RMQFilter

/// What one group wants of one topic, as an expression says it, and since when.
struct ConsumerFilter: Sendable {
    /// The only kind of filter that is an expression.
    static let type = "SQL92"

    let topic: String
    let group: String
    /// Compiled once; pulls and bit maps share it.
    let expression: SQLExpression
    /// Of the client's subscription: when it was made, in milliseconds since 1970. The larger one is newer.
    var version: Int64
    /// From here on, in milliseconds since 1970, bit maps say whether the group wants a message. A filter whose expression changes
    /// is born again.
    let bornAt: Int64
    /// When the group was last seen to be gone; 0 while it is there.
    var diedAt: Int64 = 0
    /// Its bits in a bit map.
    let positions: [Int32]

    /// The reference tells by the times alone.
    var isDead: Bool { diedAt >= bornAt }

    /// What the bits belong to.
    static func name(group: String, topic: String) -> String { "\(group)#\(topic)" }
}

extension ConsumerFilter: CustomStringConvertible {
    var description: String {
        "group \(group), topic \(topic), version \(version), since \(bornAt): \(expression.text.prefix(bytes: 255))"
    }
}
