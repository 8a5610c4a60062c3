/// What a header shows its fields to: one row a field, for reading and for writing.
///
/// A reader sets the value, a writer takes it. The methods differ in what a reader does with a field that is absent or malformed.
public protocol HeaderVisitor {
    /// What reading a field may throw: `HeaderError`, and `Never` for a writer.
    associatedtype Failure: Error

    /// A field that must be there and be readable.
    mutating func required<Value: HeaderValue>(_ name: String, _ value: inout Value) throws(Failure)
    /// A field that may be absent; the value is then nil. A malformed one is an error.
    mutating func optional<Value: HeaderValue>(_ name: String, _ value: inout Value?) throws(Failure)
    /// A field that may be absent; the value then stays what the struct declares. A malformed one is an error.
    mutating func optional<Value: HeaderValue>(_ name: String, _ value: inout Value) throws(Failure)
    /// A field whose value is nil when it is absent or malformed: for headers that the reference reads by reflection,
    /// where it logs what it cannot read and goes on without it.
    mutating func readable<Value: HeaderValue>(_ name: String, _ value: inout Value?)
    /// As the one above, where the value otherwise stays what the struct declares.
    mutating func readable<Value: HeaderValue>(_ name: String, _ value: inout Value)
    /// A text that reads as `null` when it is absent, which is what the reference looks such a name up by.
    mutating func nameOrNull(_ name: String, _ value: inout String)
}

extension HeaderVisitor {
    /// A field that means something only where `isRequired`; elsewhere it may be absent.
    mutating func required<Value: HeaderValue>(
        if isRequired: Bool, _ name: String, _ value: inout Value
    ) throws(Failure) {
        if isRequired { try required(name, &value) } else { try optional(name, &value) }
    }
}

/// Fills a header from the fields of a command.
struct HeaderReader: HeaderVisitor {
    typealias Failure = HeaderError

    let fields: HeaderFields

    func required<Value: HeaderValue>(_ name: String, _ value: inout Value) throws(HeaderError) {
        value = try fields.required(name)
    }

    func optional<Value: HeaderValue>(_ name: String, _ value: inout Value?) throws(HeaderError) {
        value = try fields.optional(name)
    }

    func optional<Value: HeaderValue>(_ name: String, _ value: inout Value) throws(HeaderError) {
        if let found: Value = try fields.optional(name) { value = found }
    }

    func readable<Value: HeaderValue>(_ name: String, _ value: inout Value?) {
        value = fields[name].flatMap { Value(headerText: $0) }
    }

    func readable<Value: HeaderValue>(_ name: String, _ value: inout Value) {
        if let found = fields[name].flatMap({ Value(headerText: $0) }) { value = found }
    }

    func nameOrNull(_ name: String, _ value: inout String) {
        value = fields[name] ?? "null"
    }
}

/// Appends the fields of a header that are set to those of a command.
struct HeaderWriter: HeaderVisitor {
    typealias Failure = Never

    var fields: HeaderFields

    mutating func required<Value: HeaderValue>(_ name: String, _ value: inout Value) { fields.append(name, value) }
    mutating func optional<Value: HeaderValue>(_ name: String, _ value: inout Value?) { fields.append(name, value) }
    mutating func optional<Value: HeaderValue>(_ name: String, _ value: inout Value) { fields.append(name, value) }
    mutating func readable<Value: HeaderValue>(_ name: String, _ value: inout Value?) { fields.append(name, value) }
    mutating func readable<Value: HeaderValue>(_ name: String, _ value: inout Value) { fields.append(name, value) }
    mutating func nameOrNull(_ name: String, _ value: inout String) { fields.append(name, value) }
}
