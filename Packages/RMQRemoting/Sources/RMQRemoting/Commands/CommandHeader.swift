/// The typed header of one request or response.
///
/// To add one, write a struct with the fields of the protocol's table and say how it reads and writes them:
///
/// ```swift
/// public struct DeleteTopicHeader: CommandHeader, Equatable {
///     public var topic: String
///
///     public init(_ fields: HeaderFields) throws(HeaderError) {
///         topic = try fields.required("topic")
///     }
///
///     public func write(to fields: inout HeaderFields) {
///         fields.append("topic", topic)
///     }
/// }
/// ```
///
/// Read a field as required only if the receiver cannot do without it: the reference sends some headers with holes,
/// and other clients leave out what no server looks at. Fields that a header does not name (signatures, trace)
/// stay in ``RemotingCommand/fields``.
public protocol CommandHeader: Sendable {
    init(_ fields: HeaderFields) throws(HeaderError)
    /// Appends every field that is set, in the order of the protocol's table.
    func write(to fields: inout HeaderFields)
}
