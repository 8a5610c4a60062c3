import RMQCommon
import Synchronization

/// The `-c` file, which changes over the wire are written back to.
final class ConfigurationFile: Sendable {
    /// Held from reading to writing, so that two changes at once both get into the file.
    private let path: Mutex<String>

    init(path: String) { self.path = Mutex(path) }

    /// Changes the values of these keys and leaves every other byte as it is. Blocks.
    /// - Throws: when the file is gone (one with these keys alone would start another broker), or must not be written.
    func write(_ values: [(key: String, value: String)]) throws(SystemFailure) {
        try path.withLock { (path) throws(SystemFailure) in
            // To replace a file takes no right to write it, but who took that right away means it to stay as it is.
            try SmallFile.checkReplaceable(path)
            try FileSystem.checkWritable(path)
            let bytes = try SmallFile.read(path) ?? []
            try SmallFile.replace(path, with: PropertiesText.replacing(values, in: bytes))
        }
    }
}
