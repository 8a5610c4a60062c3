import Foundation
import RMQTestSupport

/// SHA-256 of each body in hexadecimal, by the system's `sha256sum`.
func sha256(_ bodies: [[UInt8]]) throws -> [String] {
    let folder = try TemporaryFolder()
    for (number, body) in bodies.enumerated() {
        let name = String(number)
        let padded = String(repeating: "0", count: 8 - name.count) + name
        try Data(body).write(to: URL(fileURLWithPath: folder.sub(padded)))
    }
    // The shell expands `*` in order of the names.
    let lines = try Golden.run("sh", ["-c", "cd '\(folder.path)' && sha256sum *"]).split(separator: UInt8(ascii: "\n"))
    return lines.map { String(decoding: $0.prefix(64), as: UTF8.self) }
}
