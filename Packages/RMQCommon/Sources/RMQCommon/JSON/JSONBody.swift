/// A struct that travels or is kept as a JSON object in the dialect of the protocol.
///
/// Each member is one row, which reads and writes it:
///
/// ```swift
/// public struct LockBatchRequest: JSONBody {
///     @ByteText public var clientId = ""
///     public var queues: [MessageQueue] = []
///
///     public init() {}
///
///     public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
///         try members.required("clientId", &clientId)
///         try members.optional("mqSet", &queues)
///     }
/// }
/// ```
///
/// Members are written in alphabetical order, and tables are sorted by key, so that equal values give equal bytes;
/// on reading, any order, absent members and unknown members are fine.
public protocol JSONBody: JSONMember, Equatable {
    /// A body whose members have their defaults.
    init()
    /// Shows every member to a reader or a writer. A writer changes nothing.
    mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure)
    init(json: JSONValue) throws(JSONError)
}

/// What a body shows its members to. A reader sets the value, a writer takes it.
public protocol JSONVisitor {
    /// What reading a member may throw: `JSONError`, and `Never` for a writer.
    associatedtype Failure: Error

    /// A member that must be there.
    mutating func required<Value: JSONMember>(_ name: String, _ value: inout Value) throws(Failure)
    /// A member that may be absent or null; the value is then nil, and written as an absent member.
    mutating func optional<Value: JSONMember>(_ name: String, _ value: inout Value?) throws(Failure)
    /// A member that may be absent or null; the value then stays what the struct declares.
    mutating func optional<Value: JSONMember>(_ name: String, _ value: inout Value) throws(Failure)
}

extension JSONBody {
    /// A body of which `fill` sets what differs from the defaults.
    @inlinable public init<Failure: Error>(_ fill: (inout Self) throws(Failure) -> Void) throws(Failure) {
        self.init()
        try fill(&self)
    }

    @inlinable public init(json: JSONValue) throws(JSONError) {
        try self.init(members: json.requireObject("\(Self.self)"))
    }

    /// Reads the members of the object that stands for the body.
    @inlinable public init(members: JSONObject) throws(JSONError) {
        self.init()
        var reader = JSONMemberReader(members)
        try visit(&reader)
    }

    /// The object that stands for the body.
    @inlinable public var json: JSONValue {
        var copy = self
        var writer = JSONMemberWriter()
        copy.visit(&writer)
        return .object(writer.members)
    }

    /// An empty text and an empty list stand for no object.
    @inlinable public static func read(_ value: JSONValue, _ name: String) throws(JSONError) -> Self? {
        value.isEmptyPart ? nil : try Self(json: value)
    }

    /// A single element may stand for the list of it, as tools write that know no lists. An element that is an empty list is none.
    @inlinable public static func readList(_ value: JSONValue, _ name: String) throws(JSONError) -> [Self] {
        if case .object(let single) = value, !single.isEmpty { return [try Self(json: value)] }
        var elements: [Self] = []
        for element in try value.requireArray(name) where element.asArray?.isEmpty != true {
            elements.append(try Self(json: element))
        }
        return elements
    }
}

/// Fills a body from an object.
public struct JSONMemberReader: JSONVisitor {
    public typealias Failure = JSONError

    @usableFromInline let members: JSONObject

    @inlinable init(_ members: JSONObject) { self.members = members }

    @inlinable public func required<Value: JSONMember>(_ name: String, _ value: inout Value) throws(JSONError) {
        value = try members.required(name)
    }

    @inlinable public func optional<Value: JSONMember>(_ name: String, _ value: inout Value?) throws(JSONError) {
        value = try members.optional(name)
    }

    @inlinable public func optional<Value: JSONMember>(_ name: String, _ value: inout Value) throws(JSONError) {
        if let found: Value = try members.optional(name) { value = found }
    }
}

/// Makes the object of a body.
public struct JSONMemberWriter: JSONVisitor {
    public typealias Failure = Never

    @usableFromInline var members = JSONObject()

    @inlinable init() {}

    @inlinable public mutating func required<Value: JSONMember>(_ name: String, _ value: inout Value) { insert(name, value.json) }

    @inlinable public mutating func optional<Value: JSONMember>(_ name: String, _ value: inout Value?) {
        if let value { insert(name, value.json) }
    }

    @inlinable public mutating func optional<Value: JSONMember>(_ name: String, _ value: inout Value) { insert(name, value.json) }

    /// Puts a member behind those whose names come before its own: mostly behind all, as bodies are declared in that order.
    @usableFromInline mutating func insert(_ name: String, _ value: JSONValue) {
        var place = members.count
        while place > 0, case .string(let other) = members.members[place - 1].key, name.utf8.lexicographicallyPrecedes(other.utf8) {
            place -= 1
        }
        members.members.insert((.string(name), value), at: place)
    }
}
