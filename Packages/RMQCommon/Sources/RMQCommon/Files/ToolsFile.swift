/// `conf/tools.yml` below the folder of the distribution: the account in whose name `mqadmin` asks and a broker registers.
///
///     accessKey: rocketmq2
///     secretKey: 12345678
///
/// The part of YAML that the reference's file needs is read: a key and a text a line, comments, quotes around a text.
public struct ToolsFile: Sendable {
    /// Why a file is not used. It never quotes a value.
    public struct Problem: Error, Equatable, CustomStringConvertible {
        @ByteText public var description = ""
    }

    private static let keys = ["accessKey", "secretKey"]
    /// The file has two lines; a large one is another file.
    private static let byteLimit = 1 << 16

    /// The name of the account.
    public let accessKey: String
    /// What it signs with.
    public let secretKey: String

    /// Where the file is.
    public static func path(home: String) -> String { home + "/conf/tools.yml" }

    /// The account in the file; nil when there is no file or one of the two values is missing.
    /// - Parameter home: where the distribution is installed; nil or empty when nobody said.
    public static func read(home: String?) throws(Problem) -> ToolsFile? {
        guard let home, !home.isEmpty else { return nil }
        let path = path(home: home)
        let bytes: [UInt8]
        do throws(SystemFailure) {
            guard let content = try SmallFile.read(path) else { return nil }
            bytes = content
        } catch {
            throw Problem(description: "\(error)")
        }
        guard bytes.count <= byteLimit, let text = String(validating: bytes, as: UTF8.self) else {
            throw Problem(description: "\(path) is no UTF-8 text of at most \(byteLimit) bytes")
        }
        let values = try values(text, path)
        guard let accessKey = values["accessKey"], let secretKey = values["secretKey"], !accessKey.isBlank, !secretKey.isBlank else { return nil }
        return ToolsFile(accessKey: accessKey, secretKey: secretKey)
    }

    private static func values(_ text: String, _ path: String) throws(Problem) -> [ByteText: String] {
        var values: [ByteText: String] = [:]
        for (index, line) in text.split(ascii: "\n", keepingEmpty: true).enumerated() {
            let line = line.trimmedOfSpace
            if line.isEmpty || line.hasBytePrefix("#") || line.hasBytePrefix("---") { continue }
            guard let (key, rest) = line.cut(atFirst: ":"), keys.containsExactly(key.trimmedOfSpace), rest.isEmpty || rest.hasBytePrefix(" "),
                let value = scalar(rest)
            else { throw Problem(description: "\(path), line \(index + 1): not allowed; allowed are accessKey: and secretKey:, each with a text") }
            guard values.updateValue(value, forKey: ByteText(key.trimmedOfSpace)) == nil else {
                throw Problem(description: "\(path), line \(index + 1): the key stands twice")
            }
        }
        return values
    }

    /// Nil for a text that YAML reads otherwise than it stands there: one that begins as something else, or has an escape.
    private static func scalar(_ text: String) -> String? {
        let text = text.trimmedOfSpace
        guard let first = text.utf8.first, !text.hasBytePrefix("#") else { return "" }
        if first == UInt8(ascii: "'") || first == UInt8(ascii: "\"") { return quoted(text, by: first) }
        if "[]{}&*!|>%@`".utf8.contains(first) { return nil }
        return text.split(atBytesOf: " #").first?.trimmedOfSpace
    }

    /// What stands between the quotes; a single one stands for itself when there are two. Behind them nothing but a comment.
    private static func quoted(_ text: String, by quote: UInt8) -> String? {
        var inner: [UInt8] = []
        var rest = Array(text.utf8)[1...]
        while let byte = rest.popFirst() {
            if byte == quote {
                guard quote == UInt8(ascii: "'"), rest.first == quote else {
                    let behind = String(decoding: rest, as: UTF8.self)
                    return behind.isBlank || behind.hasBytePrefix(" #") ? String(decoding: inner, as: UTF8.self) : nil
                }
                rest.removeFirst()
            } else if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                return nil
            }
            inner.append(byte)
        }
        return nil
    }
}

// Neither what is printed nor what a debugger's dump walks over has the secret.
extension ToolsFile: CustomStringConvertible, CustomReflectable {
    public var description: String { "ToolsFile(\(accessKey))" }
    /// The name of the account alone.
    public var customMirror: Mirror { Mirror(self, children: ["accessKey": accessKey]) }
}
