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

    /// The same, with what each name stands for. What file systems keep in their root is nobody's: a disk may be mounted here.
    static func entries(in directory: String) throws(StoreError) -> [(name: String, isDirectory: Bool)] {
        guard let stream = opendir(directory) else {
            if errno == ENOENT { return [] }
            throw .system(call: "opendir", path: directory, code: errno)
        }
        defer { closedir(stream) }
        var entries: [(name: String, isDirectory: Bool)] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if [".", "..", "lost+found"].containsExactly(name) { continue }
            let isDirectory =
                switch Int(entry.pointee.d_type) {
                case DT_DIR: true
                case DT_REG: false
                default: self.isDirectory(directory + "/" + name)  // a link, or a file system that does not tell
                }
            entries.append((name, isDirectory))
        }
        return entries.count < 2 ? entries : entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
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

    /// Removes a file; that it is already gone is fine.
    static func remove(_ path: String) throws(StoreError) {
        if unlink(path) != 0, errno != ENOENT { throw .system(call: "unlink", path: path, code: errno) }
    }

    /// Cuts a file off, or makes it longer with zeros.
    static func setLength(_ path: String, to bytes: Int64) throws(StoreError) {
        guard truncate(path, Int(bytes)) == 0 else { throw .system(call: "truncate", path: path, code: errno) }
    }

    /// Removes the files of a directory and the directory itself. Does not go into sub-directories.
    package static func removeDirectory(_ path: String) throws(StoreError) {
        for name in try names(in: path) { try remove(path + "/" + name) }
        if rmdir(path) != 0, errno != ENOENT { throw .system(call: "rmdir", path: path, code: errno) }
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

    /// Where the files of one log begin, in order, after checking what can be checked by name and size: only such files,
    /// all of one size, without gaps.
    ///
    /// A last file that a crash left at length zero while it was being made holds nothing and is removed.
    static func list(directories: [String], fileBytes: Int) throws(StoreError) -> [(offset: Int64, path: String)] {
        var found: [(offset: Int64, path: String)] = []
        for directory in directories {
            for entry in try StoreFiles.entries(in: directory) {
                let path = directory + "/" + entry.name
                guard !entry.isDirectory, let offset = SegmentName.offset(entry.name), offset <= Int64.max - Int64(fileBytes) * 2 else {
                    throw .foreignFile(path: path)
                }
                found.append((offset, path))
            }
        }
        if directories.count > 1 { found.sort { $0.offset < $1.offset } }
        var files: [(offset: Int64, path: String)] = []
        for (index, file) in found.enumerated() {
            let length = try MappedFile.length(file.path)
            if length == 0, index == found.count - 1 {
                try StoreFiles.remove(file.path)
                break
            }
            guard length == fileBytes else { throw .wrongFileSize(path: file.path, bytes: length, expected: Int64(fileBytes)) }
            if let last = files.last {
                if last.offset == file.offset { throw .duplicateFile(path: file.path, other: last.path) }
                if last.offset + Int64(fileBytes) != file.offset {
                    throw .missingFile(before: file.path, expectedOffset: last.offset + Int64(fileBytes))
                }
            }
            files.append(file)
        }
        return files
    }

    /// Maps the files of one log in order.
    static func load(directories: [String], fileBytes: Int) throws(StoreError) -> [MappedFile] {
        var files: [MappedFile] = []
        for (offset, path) in try list(directories: directories, fileBytes: fileBytes) {
            files.append(try MappedFile(opening: path, baseOffset: offset, byteCount: fileBytes, mayBeReadOnly: true))
        }
        return files
    }
}
