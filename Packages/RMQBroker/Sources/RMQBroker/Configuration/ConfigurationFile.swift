import RMQCommon
import Synchronization

/// The `-c` file, which changes over the wire are written back to.
final class ConfigurationFile: Sendable {
    /// Held from reading to writing, so that two changes at once both get into the file.
    private let path: Mutex<String>

    init(path: String) { self.path = Mutex(path) }

    /// Changes the lines of these keys and leaves all others, comments included, as they are. Blocks.
    func write(_ properties: [(key: String, value: String)]) throws(SystemFailure) {
        try path.withLock { (path) throws(SystemFailure) in
            let text = String(decoding: try SmallFile.read(path) ?? [], as: UTF8.self)
            var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            if lines.last == "" { lines.removeLast() }
            for (key, value) in properties {
                let place = lines.lastIndex { line in PropertiesText.parse(line).first?.key == key }
                if let place { lines[place] = "\(key)=\(value)" } else { lines.append("\(key)=\(value)") }
            }
            try SmallFile.replace(path, with: lines.joined(separator: "\n") + "\n")
        }
    }
}
