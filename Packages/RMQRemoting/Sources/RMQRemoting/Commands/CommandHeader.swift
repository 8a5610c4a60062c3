/// The typed header of one request or response.
///
/// To add one, write a struct with the fields of the protocol's table, and a row a field that reads and writes it:
///
/// ```swift
/// public struct DeleteTopicHeader: CommandHeader, Equatable {
///     @ByteText public var topic = ""
///     public var clusterName: String?
///
///     public init() {}
///
///     public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
///         try fields.required("topic", &topic)
///         try fields.optional("clusterName", &clusterName)
///     }
/// }
///
/// let header = DeleteTopicHeader { $0.topic = "orders" }
/// ```
///
/// Read a field as required only if the receiver cannot do without it: the reference sends some headers with holes,
/// and other clients leave out what no server looks at. Fields that a header does not name (signatures, trace)
/// stay in ``RemotingCommand/fields``.
public protocol CommandHeader: Sendable {
    /// A header whose fields have their defaults.
    init()
    /// Shows every field to a reader or a writer, in the order of the protocol's table. A writer changes nothing.
    mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure)

    // Both follow from `visit`. They are requirements so that each header has its own, compiled for its fields: a client
    // writes a header for every message.

    init(_ fields: HeaderFields) throws(HeaderError)
    /// Appends every field that is set, in the order of the protocol's table.
    func write(to fields: inout HeaderFields)
}

extension CommandHeader {
    /// A header of which `fill` sets what differs from the defaults.
    @inlinable public init<Failure: Error>(_ fill: (inout Self) throws(Failure) -> Void) throws(Failure) {
        self.init()
        try fill(&self)
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        self.init()
        var reader = HeaderReader(fields: fields)
        try visit(&reader)
    }

    public func write(to fields: inout HeaderFields) {
        var copy = self
        var writer = HeaderWriter(fields: fields)
        fields = HeaderFields()   // the writer has the only reference to the list, so that appending does not copy it
        copy.visit(&writer)
        fields = writer.fields
    }

    /// The header as fields of a command.
    public var fields: HeaderFields {
        var fields = HeaderFields(minimumCapacity: 16)
        write(to: &fields)
        return fields
    }
}
