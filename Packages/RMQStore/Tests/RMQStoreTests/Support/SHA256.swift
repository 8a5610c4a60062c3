import Glibc
import RMQTestSupport
import Testing

/// SHA-256 of each body in hexadecimal, by the system's `sha256sum`.
func sha256(_ bodies: [[UInt8]]) throws -> [String] {
    let folder = try TemporaryFolder()
    for (number, body) in bodies.enumerated() {
        let name = String(number)
        let padded = String(repeating: "0", count: 8 - name.count) + name
        // Foundation would sync each of thousands of files.
        let file = try #require(fopen(folder.sub(padded), "w"))
        defer { fclose(file) }
        try #require(fwrite(body, 1, body.count, file) == body.count)
    }
    // The shell expands `*` in order of the names.
    let lines = try Golden.run("sh", ["-c", "cd '\(folder.path)' && sha256sum *"]).split(separator: UInt8(ascii: "\n"))
    return lines.map { String(decoding: $0.prefix(64), as: UTF8.self) }
}
