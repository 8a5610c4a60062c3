import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Testing

/// One recorded call of the reference's `mqadmin`, from `Tests/Golden/admin`.
///
///     $ mqadmin topicRoute -t NoSuchTopic
///     standard output
///     --- stderr
///     standard error
///     --- exit 0
struct Recording {
    /// The words after `mqadmin`.
    var words: [String]
    var output: String
    var errors: String
    var exitCode: Int32

    init(_ name: String) throws {
        let text = try GoldenData.text("admin/\(name).txt")
        let unfinished = try GoldenData.text("admin/no-final-newline.list")
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        lines.removeLast()
        words = Self.words(of: String(lines.removeFirst().dropFirst("$ mqadmin".count)))
        exitCode = try #require(Int32(lines.removeLast().dropFirst("--- exit ".count)))
        let border = lines.firstIndex(of: "--- stderr") ?? lines.count
        output = lines[..<border].map { $0 + "\n" }.joined()
        errors = lines[border...].dropFirst().map { $0 + "\n" }.joined()
        if unfinished.split(separator: "\n").contains(Substring(name)) { output.removeLast() }
    }

    /// All recorded calls whose name begins or ends so, sorted.
    static func names(beginningWith start: String = "", endingWith ends: String...) throws -> [String] {
        try GoldenData.names(in: "admin").compactMap { $0.hasSuffix(".txt") ? String($0.dropLast(".txt".count)) : nil }
            .filter { name in name.hasPrefix(start) && (ends.isEmpty || ends.contains { name.hasSuffix($0) }) }.sorted()
    }

    /// Words of a shell line, single quotes kept together.
    private static func words(of line: String) -> [String] {
        line.split(separator: "'", omittingEmptySubsequences: false).enumerated().flatMap { index, part in
            index % 2 == 1 ? [String(part)] : part.split(separator: " ").map(String.init)
        }
    }

    /// The `CODE: … DESC: …` texts among the errors, which we keep word for word.
    var causes: [String] {
        errors.split(separator: "\n").compactMap { line in line.firstRange(of: "CODE: ").map { String(line[$0.lowerBound...]) } }
    }

    /// The answer of the server that refused, as the last cause tells it.
    func refusal() throws -> RemotingCommand {
        let words = try #require(causes.last).dropFirst("CODE: ".count)
        let code = try #require(Int32(words.prefix { $0.isNumber }))
        let text = words.drop { $0.isNumber }.dropFirst("  DESC: ".count)
        let remark = text.firstRange(of: " BROKER: ").map { text[..<$0.lowerBound] } ?? text
        return .response(ResponseCode(rawValue: code), remark: String(remark))
    }
}
