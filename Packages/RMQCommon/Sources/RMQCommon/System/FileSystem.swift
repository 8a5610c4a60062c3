internal import CRMQSystem
internal import Glibc

/// The few things that the packages do with folders and whole files.
public enum FileSystem {
    /// Whether there is a file or a folder, or where a link there leads. False also when a folder on the way cannot be searched.
    public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Whether there is a folder, or a link to one.
    public static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// - Throws: when this process may not write the file, or there is none.
    public static func checkWritable(_ path: String) throws(SystemFailure) {
        guard access(path, W_OK) == 0 else { throw SystemFailure(call: "write", code: errno, subject: path) }
    }

    /// The path without symbolic links in it, for a file that exists; otherwise the path as it is.
    public static func resolvingLinks(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// The size of a file in bytes; nil when there is none.
    public static func size(_ path: String) -> Int64? {
        var status = stat()
        return stat(path, &status) == 0 ? Int64(status.st_size) : nil
    }

    /// Makes a folder and those above it; fine when it is there.
    public static func makeDirectories(_ path: String) throws(SystemFailure) {
        guard !path.isEmpty, !isDirectory(path) else { return }
        if mkdir(path, 0o755) == 0 { return }
        guard errno == ENOENT else { return try failUnlessDirectory(path, errno) }
        try makeDirectories(parent(path))
        guard mkdir(path, 0o755) == 0 else { return try failUnlessDirectory(path, errno) }
    }

    private static func failUnlessDirectory(_ path: String, _ code: Int32) throws(SystemFailure) {
        guard isDirectory(path) else { throw SystemFailure(call: "mkdir", code: code, subject: path) }
    }

    /// The names in a folder, sorted, without `.` and `..`; empty when there is no such folder.
    public static func list(_ path: String) throws(SystemFailure) -> [String] {
        guard let folder = opendir(path) else {
            guard errno == ENOENT else { throw SystemFailure(call: "opendir", code: errno, subject: path) }
            return []
        }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if !name.isExactly("."), !name.isExactly("..") { names.append(name) }
        }
        return names.sortedByBytes()
    }

    /// Removes a file; fine when there is none.
    public static func remove(_ path: String) throws(SystemFailure) {
        guard unlink(path) == 0 || errno == ENOENT else { throw SystemFailure(call: "unlink", code: errno, subject: path) }
    }

    /// Removes a folder with everything in it, or a file. Symbolic links are removed, not followed.
    public static func removeTree(_ path: String) throws(SystemFailure) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFDIR else { return try remove(path) }
        for name in try list(path) { try removeTree(path + "/" + name) }
        guard rmdir(path) == 0 || errno == ENOENT else { throw SystemFailure(call: "rmdir", code: errno, subject: path) }
    }

    /// Gives a file another name, in place of one that has it. Both have to be on one file system.
    public static func rename(_ source: String, to target: String) throws(SystemFailure) {
        guard Glibc.rename(source, target) == 0 else { throw SystemFailure(call: "rename", code: errno, subject: "\(source) to \(target)") }
    }

    /// Makes the names in a folder durable.
    public static func syncDirectory(_ path: String) throws(SystemFailure) {
        try Descriptor(opening: path, flags: O_RDONLY | O_DIRECTORY).sync()
    }

    /// A new, empty folder below the system's temporary folder; the caller removes it.
    public static func makeTemporaryDirectory(prefix: String = "rmq") throws(SystemFailure) -> String {
        let root = Environment.value("TMPDIR") ?? "/tmp"
        var template = [CChar]("\(root)/\(prefix)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemFailure(call: "mkdtemp", code: errno, subject: root) }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The part of the disk under `path` that is in use, 0...1; nil when the system does not say.
    public static func usedRatio(_ path: String) -> Double? {
        var status = statvfs()
        guard statvfs(path, &status) == 0, status.f_blocks > 0 else { return nil }
        let used = Double(status.f_blocks) - Double(status.f_bfree)
        return used / (used + Double(status.f_bavail))
    }

    /// The folder that holds `path`.
    public static func parent(_ path: String) -> String {
        guard let folder = path.cut(atLast: "/")?.before else { return "." }
        return folder.isEmpty ? "/" : folder
    }
}
