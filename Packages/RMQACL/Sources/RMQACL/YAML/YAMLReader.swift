internal import CYAML
import RMQCommon

/// What is wrong with a YAML document, and where. Never with a value of it.
struct YAMLError: Error {
    var line: Int
    var problem: String
}

/// Reads a document with the system's libyaml.
///
/// The reference's reader made objects of classes that the document named. Here tags are refused, and a document is nothing but texts,
/// lists and mappings, of bounded depth.
struct YAMLReader {
    /// Lists and mappings inside of each other; an account file has four. What reads and writes them recurses.
    static let nestingLimit = 16
    /// Aliases of a document. Each may stand for a large part of it, so that many of them would grow without end.
    static let mostAliases = 50

    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let bytes: UnsafeBufferPointer<UInt8>
    private var anchors: [ByteText: YAMLNode] = [:]
    private var aliases = 0

    private init(parser: UnsafeMutablePointer<yaml_parser_t>, bytes: UnsafeBufferPointer<UInt8>) {
        self.parser = parser
        self.bytes = bytes
    }

    /// The document in `bytes`; nil when there is none, as in an empty file.
    static func read(_ bytes: [UInt8]) throws(YAMLError) -> YAMLNode? {
        try checkText(bytes)
        return try bytes.withUnsafeBufferPointer { (bytes) throws(YAMLError) -> YAMLNode? in
            let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
            defer { parser.deallocate() }
            guard yaml_parser_initialize(parser) == 1 else { throw YAMLError(line: 1, problem: "there is no memory to read it") }
            defer { yaml_parser_delete(parser) }
            yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
            yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
            var reader = YAMLReader(parser: parser, bytes: bytes)
            return try reader.document()
        }
    }

    /// libyaml would take UTF-16 as well, and reports a bad byte without its line.
    private static func checkText(_ bytes: [UInt8]) throws(YAMLError) {
        if String(validating: bytes, as: UTF8.self) == nil {
            var good = 0
            var decoder = UTF8()
            var iterator = bytes.makeIterator()
            decoding: while true {
                switch decoder.decode(&iterator) {
                case .scalarValue(let scalar): good += UTF8.width(scalar)
                case .emptyInput, .error: break decoding
                }
            }
            throw YAMLError(line: line(ofByte: good, in: bytes), problem: "byte \(good) is not UTF-8")
        }
    }

    private static func line(ofByte offset: Int, in bytes: some Collection<UInt8>) -> Int {
        1 + bytes.prefix(offset).count(where: { $0 == UInt8(ascii: "\n") })
    }

    private mutating func document() throws(YAMLError) -> YAMLNode? {
        var root: YAMLNode?
        while true {
            let event = try next()
            switch event.kind {
            case .streamEnd: return root
            case .documentStart:
                if root != nil { throw YAMLError(line: event.line, problem: "a second document begins; allowed is one") }
            case .other: continue
            case .end, .alias, .scalar, .sequence, .mapping: root = try node(event, depth: 1)
            }
        }
    }

    private mutating func node(_ event: Event, depth: Int) throws(YAMLError) -> YAMLNode {
        guard depth <= Self.nestingLimit else {
            throw YAMLError(line: event.line, problem: "more than \(Self.nestingLimit) lists and mappings inside of each other")
        }
        let made: YAMLNode
        switch event.kind {
        case .scalar(let text, let isPlain): made = YAMLNode(content: .scalar(text, isPlain: isPlain), line: event.line)
        case .sequence: made = YAMLNode(content: .sequence(try items(depth: depth)), line: event.line)
        case .mapping: made = YAMLNode(content: .mapping(try entries(depth: depth)), line: event.line)
        case .alias(let name): return try resolve(name, line: event.line)
        case .end, .documentStart, .streamEnd, .other: throw YAMLError(line: event.line, problem: "a value is missing")
        }
        // Only now, so that nothing can contain itself.
        if let anchor = event.anchor { anchors[ByteText(anchor)] = made }
        return made
    }

    private mutating func items(depth: Int) throws(YAMLError) -> [YAMLNode] {
        var items: [YAMLNode] = []
        while true {
            let event = try next()
            if case .end = event.kind { return items }
            items.append(try node(event, depth: depth + 1))
        }
    }

    private mutating func entries(depth: Int) throws(YAMLError) -> [YAMLNode.Entry] {
        var entries: [YAMLNode.Entry] = []
        var lines: [ByteText: Int] = [:]
        while true {
            let event = try next()
            if case .end = event.kind { return entries }
            guard case .scalar(let key, _) = event.kind else {
                throw YAMLError(line: event.line, problem: "a key is no text")
            }
            if let line = lines.updateValue(event.line, forKey: ByteText(key)) {
                throw YAMLError(line: event.line, problem: "the key '\(key)' stands twice, first in line \(line)")
            }
            let value = try node(try next(), depth: depth + 1)
            entries.append(YAMLNode.Entry(key: key, line: event.line, value: value))
        }
    }

    private mutating func resolve(_ name: String, line: Int) throws(YAMLError) -> YAMLNode {
        aliases += 1
        guard aliases <= Self.mostAliases else { throw YAMLError(line: line, problem: "more than \(Self.mostAliases) aliases") }
        guard let node = anchors[ByteText(name)] else { throw YAMLError(line: line, problem: "the alias '\(name)' stands for nothing before it") }
        return node
    }
}

extension YAMLReader {
    private struct Event {
        enum Kind {
            case scalar(String, isPlain: Bool)
            case sequence, mapping
            /// Of a sequence or a mapping.
            case end
            case alias(String)
            case documentStart, streamEnd
            case other
        }

        var kind: Kind
        var line: Int
        var anchor: String?
    }

    private mutating func next() throws(YAMLError) -> Event {
        var raw = yaml_event_t()
        guard yaml_parser_parse(parser, &raw) == 1 else { throw failure() }
        defer { yaml_event_delete(&raw) }
        let line = Int(raw.start_mark.line) + 1
        switch raw.type {
        case YAML_SCALAR_EVENT:
            let scalar = raw.data.scalar
            let tag = Self.text(scalar.tag)
            let isText = tag.isExactly("tag:yaml.org,2002:str") || tag.isExactly("!")
            guard tag == nil || isText else { throw Self.tagFailure(line) }
            let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            return Event(kind: .scalar(text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE && !isText), line: line, anchor: Self.text(scalar.anchor))
        case YAML_SEQUENCE_START_EVENT:
            guard raw.data.sequence_start.tag == nil else { throw Self.tagFailure(line) }
            return Event(kind: .sequence, line: line, anchor: Self.text(raw.data.sequence_start.anchor))
        case YAML_MAPPING_START_EVENT:
            guard raw.data.mapping_start.tag == nil else { throw Self.tagFailure(line) }
            return Event(kind: .mapping, line: line, anchor: Self.text(raw.data.mapping_start.anchor))
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: return Event(kind: .end, line: line)
        case YAML_ALIAS_EVENT: return Event(kind: .alias(Self.text(raw.data.alias.anchor) ?? ""), line: line)
        case YAML_DOCUMENT_START_EVENT: return Event(kind: .documentStart, line: line)
        case YAML_STREAM_END_EVENT: return Event(kind: .streamEnd, line: line)
        default: return Event(kind: .other, line: line)
        }
    }

    private static func tagFailure(_ line: Int) -> YAMLError { YAMLError(line: line, problem: "a tag; allowed is none but !!str") }

    /// libyaml's texts quote nothing of the document.
    private func failure() -> YAMLError {
        let problem = parser.pointee.problem.map { String(cString: $0) } ?? "it cannot be read"
        if parser.pointee.error == YAML_READER_ERROR {
            return YAMLError(line: Self.line(ofByte: parser.pointee.problem_offset, in: bytes), problem: problem)
        }
        return YAMLError(line: Int(parser.pointee.problem_mark.line) + 1, problem: problem)
    }

    private static func text(_ pointer: UnsafeMutablePointer<UInt8>?) -> String? {
        pointer.map { String(cString: $0) }
    }
}
