import RMQClient
import RMQCommon

/// `conf/tools.yml` below `ROCKETMQ_HOME`: the account in whose name the commands ask.
///
///     accessKey: rocketmq2
///     secretKey: 12345678
enum ToolsFile {
    /// Why the file is not used. The commands ask unsigned then, as the reference's do.
    struct Problem: Error, Equatable, CustomStringConvertible {
        @ByteText var description = ""
    }

    private static let keys = ["accessKey", "secretKey"]
    /// The file has two lines; a large one is another file.
    private static let byteLimit = 1 << 16

    /// The account in the file; nil when there is none.
    /// - Parameter home: where the distribution is installed; nil when nobody said.
    static func credentials(home: String?) throws(Problem) -> Credentials? {
        guard let home, !home.isEmpty else { return nil }
        let path = home + "/conf/tools.yml"
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
        return Credentials(accessKey: accessKey, secretKey: secretKey)
    }

    /// The part of YAML that the file needs: a key and a text a line, comments, quotes around a text. A value is never quoted in an error.
    private static func values(_ text: String, _ path: String) throws(Problem) -> [ByteText: String] {
        var values: [ByteText: String] = [:]
        for (index, line) in text.split(ascii: "\n", keepingEmpty: true).enumerated() {
            let line = line.trimmedOfSpace
            if line.isEmpty || line.hasBytePrefix("#") || line.hasBytePrefix("---") { continue }
            guard let (key, rest) = line.cut(atFirst: ":"), keys.containsExactly(key.trimmedOfSpace), rest.isEmpty || rest.hasBytePrefix(" ") else {
                throw Problem(description: "\(path), line \(index + 1): not allowed; allowed are accessKey: and secretKey:, each with a text")
            }
            values[ByteText(key.trimmedOfSpace)] = scalar(rest)
        }
        return values
    }

    private static func scalar(_ text: String) -> String {
        let text = text.trimmedOfSpace
        for quote in ["'", "\""] {
            if let inner = text.droppingBytePrefix(quote)?.droppingByteSuffix(quote) { return inner }
        }
        return text.split(atBytesOf: " #").first?.trimmedOfSpace ?? ""
    }
}
