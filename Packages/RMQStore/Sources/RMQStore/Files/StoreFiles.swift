import CRMQSystem
import Glibc
import RMQCommon

/// The few things the store does to files by name. Paths are text; nothing here follows input from the network.
package enum StoreFiles {
    /// Whether a name from a record or a caller may become a directory of its own.
    static func isSafeName(_ name: [UInt8]) -> Bool {
        !name.isEmpty && name.count <= 255 && !name.contains(0) && !name.contains(UInt8(ascii: "/")) && name != [UInt8](".".utf8)
            && name != [UInt8]("..".utf8)
    }

    package static func makeDirectories(_ path: String) throws(StoreError) {
        var prefix = path.hasBytePrefix("/") ? "/" : ""
        for component in path.split(ascii: "/") {
            prefix += component
            if mkdir(prefix, 0o755) != 0, errno != EEXIST {
                throw .system(call: "mkdir", path: prefix, code: errno)
            }
            prefix += "/"
        }
    }

    /// The names in a directory, sorted by bytes; none when it does not exist.
    package static func names(in directory: String) throws(StoreError) -> [String] {
        try entries(in: directory).map(\.name)
    }

    /// What a name in a directory stands for; links count as what they lead to.
    package enum Kind: Equatable, Sendable {
        case file
        case directory
        /// A socket, a device, a link that leads nowhere.
        case other
    }

    /// What stands at a path; nil when nothing does.
    package static func kind(_ path: String) -> Kind? {
        var status = stat()
        if stat(path, &status) == 0 {
            return switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            default: .other
            }
        }
        return lstat(path, &status) == 0 ? .other : nil
    }

    /// The same, with what each name stands for. What file systems keep in their root belongs to no store: a disk may be mounted here.
    package static func entries(in directory: String) throws(StoreError) -> [(name: String, kind: Kind)] {
        guard let stream = opendir(directory) else {
            if errno == ENOENT { return [] }
            throw .system(call: "opendir", path: directory, code: errno)
        }
        defer { closedir(stream) }
        var entries: [(name: String, kind: Kind)] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if [".", "..", "lost+found"].containsExactly(name) { continue }
            let kind: Kind? =
                switch Int(entry.pointee.d_type) {
                case DT_DIR: .directory
                case DT_REG: .file
                default: self.kind(directory + "/" + name)  // a link, or a file system that does not tell
                }
            if let kind { entries.append((name, kind)) }
        }
        return entries.count < 2 ? entries : entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    /// Gives what stands in the way of a file or folder of the store another name: nothing of a person's is ever deleted.
    /// - Parameter mark: what the new name says it is.
    /// - Returns: the new path.
    @discardableResult
    static func setAside(_ path: String, as mark: String = "stray", _ disk: DiskCalls = .system) throws(StoreError) -> String {
        var number = 1
        while kind("\(path).\(mark)\(number)") != nil { number += 1 }
        let target = "\(path).\(mark)\(number)"
        let code = disk.rename(path, target)
        if code != 0 { throw .system(call: "rename", path: path, code: code) }
        return target
    }

    /// Makes directories below `root`, which is there, and sets aside what stands in their way.
    /// - Parameter name: of the innermost one, with those of the directories between.
    static func claimDirectories(_ name: String, below root: String) throws(StoreError) {
        var prefix = root
        for component in name.split(ascii: "/") {
            prefix += "/" + component
            if let kind = kind(prefix), kind != .directory { try setAside(prefix) }
        }
        try makeDirectories(prefix)
    }

    /// The directory that a file is in.
    static func parent(_ path: String) -> String { FileSystem.parent(path) }

    package static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    package static func exists(_ path: String) -> Bool {
        access(path, F_OK) == 0
    }

    static func create(_ path: String) throws(StoreError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .system(call: "open", path: path, code: errno) }
        close(descriptor)
    }

    /// Writes a small file in place, whole, and waits for the disk.
    static func overwrite(_ path: String, with bytes: [UInt8], _ disk: DiskCalls) throws(StoreError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .system(call: "open", path: path, code: errno) }
        defer { close(descriptor) }
        try bytes.withBytes { (bytes) throws(StoreError) in
            try DiskCalls.writeAll(bytes, path: path) { rest, written in disk.writeSmall(path, descriptor, rest, written) }
        }
        guard fdatasync(descriptor) == 0 else { throw .system(call: "fdatasync", path: path, code: errno) }
    }

    /// Removes a file; that it is already gone is fine.
    static func remove(_ path: String, _ disk: DiskCalls = .system) throws(StoreError) {
        let code = disk.unlink(path)
        if code != 0, code != ENOENT { throw .system(call: "unlink", path: path, code: code) }
    }

    /// Cuts a file off, or makes it longer with zeros.
    static func setLength(_ path: String, to bytes: Int64) throws(StoreError) {
        guard truncate(path, Int(bytes)) == 0 else { throw .system(call: "truncate", path: path, code: errno) }
    }

    /// Removes the files of a directory, and the directory itself unless there are directories in it: those are no store's.
    package static func removeDirectory(_ path: String) throws(StoreError) { try removeDirectory(path, .system) }

    static func removeDirectory(_ path: String, _ disk: DiskCalls) throws(StoreError) {
        for entry in try entries(in: path) where entry.kind != .directory { try remove(path + "/" + entry.name, disk) }
        if rmdir(path) != 0, errno != ENOENT, errno != ENOTEMPTY, errno != EEXIST { throw .system(call: "rmdir", path: path, code: errno) }
    }
}

/// Names of log files: the offset of their first byte, as 20 decimal digits.
package enum SegmentName {
    package static func text(_ offset: Int64) -> String {
        let digits = String(offset)
        return String(repeating: "0", count: 20 - digits.utf8.count) + digits
    }

    package static func offset(_ name: String) -> Int64? {
        guard name.utf8.count == 20, name.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return Int64(name)
    }
}
