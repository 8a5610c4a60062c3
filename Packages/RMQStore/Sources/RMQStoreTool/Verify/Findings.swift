import RMQCommon

/// What `verify` has to say, in the order in which it was found.
struct Findings {
    enum Kind: String, CaseIterable {
        /// Messages cannot be read.
        case log
        /// Derived from the log; `rebuild` makes it again.
        case queue, index
        /// A file that does not belong, or has the wrong size.
        case file
        /// Worth knowing; no damage.
        case note
    }

    struct Finding {
        var kind: Kind
        var path: String
        /// In the file, in bytes.
        var position: Int64?
        var text: String

        var line: String { "\(kind.rawValue): \(path)\(position.map { " at byte \($0)" } ?? ""): \(text)" }

        var json: JSONValue {
            [
                "kind": .string(kind.rawValue), "file": .string(path), "position": position.map { JSONValue($0) } ?? .null, "finding": .string(text),
            ]
        }
    }

    /// Findings kept of each kind; the others are only counted, so that a ruined store cannot fill the memory.
    let limit: Int
    private(set) var kept: [Finding] = []
    private(set) var counts: [Kind: Int] = [:]

    init(limit: Int) { self.limit = limit }

    mutating func add(_ kind: Kind, _ path: String, at position: Int64? = nil, _ text: String) {
        counts[kind, default: 0] += 1
        if counts[kind, default: 0] <= limit { kept.append(Finding(kind: kind, path: path, position: position, text: text)) }
    }

    func count(_ kind: Kind) -> Int { counts[kind, default: 0] }
    /// Everything but notes.
    var damageCount: Int { counts.reduce(0) { $0 + ($1.key == .note ? 0 : $1.value) } }
    /// The first place where the log is damaged, or else the first damage of any kind.
    var firstDamage: Finding? { kept.first { $0.kind == .log } ?? kept.first { $0.kind != .note } }
}
