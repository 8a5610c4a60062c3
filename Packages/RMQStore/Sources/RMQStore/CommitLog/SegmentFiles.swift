import RMQCommon

/// The files of the commit log as they are found on the disk.
struct SegmentFiles {
    struct File {
        var offset: Int64
        var path: String
        var length: Int64
    }

    /// By offset.
    private(set) var files: [File] = []
    /// What no log has: other names.
    private(set) var strays: [String] = []
    /// What has the name of a file of the log and is something else: folders, sockets, links that lead nowhere.
    private(set) var obstacles: [String] = []

    init(directories: [String]) throws(StoreError) {
        for directory in directories {
            for entry in try StoreFiles.entries(in: directory) {
                let path = directory + "/" + entry.name
                guard let offset = SegmentName.offset(entry.name), offset <= Int64.max - Int64(Int32.max) * 2 else {
                    strays.append(path)
                    continue
                }
                guard entry.kind == .file else {
                    obstacles.append(path)
                    continue
                }
                files.append(File(offset: offset, path: path, length: try MappedFile.length(path)))
            }
        }
        if directories.count > 1 { files.sort { $0.offset < $1.offset } }
    }

    /// How long the files were made.
    func fileBytes(configured: Int) -> Int {
        FoundSize.decide(
            files.map(\.length).filter { $0 % Int64(MappedFile.pageBytes) == 0 && $0 <= Int64(Int32.max) }, configured: configured)
    }

    /// Maps the files in order, after checking that they follow each other without a gap.
    ///
    /// One that is too short lost what it lacks and keeps the rest. A last file that a crash left at length zero while it was
    /// being made holds nothing and is removed.
    func load(fileBytes: Int, logger: Logger) throws(StoreError) -> [MappedFile] {
        var found = files
        if let last = found.last, last.length == 0 {
            try StoreFiles.remove(last.path)
            found.removeLast()
        }
        for (before, file) in zip(found, found.dropFirst()) {
            if before.offset == file.offset { throw .duplicateFile(path: file.path, other: before.path) }
            let expected = before.offset + Int64(fileBytes)
            if expected != file.offset { throw .missingFile(before: file.path, expectedOffset: expected) }
        }
        if let long = found.first(where: { $0.length > fileBytes }) {
            throw .wrongFileSize(path: long.path, bytes: long.length, expected: Int64(fileBytes))
        }
        for path in obstacles {
            let target = try StoreFiles.setAside(path)
            logger.warning("\(path) is no file; it is now \(target)")
        }
        var mapped: [MappedFile] = []
        for file in found {
            if file.length < fileBytes {
                logger.error("\(file.path) has \(file.length) bytes instead of \(fileBytes): the messages in what it lacks are lost")
                try StoreFiles.setLength(file.path, to: Int64(fileBytes))
            }
            mapped.append(try MappedFile(opening: file.path, baseOffset: file.offset, byteCount: fileBytes, mayBeReadOnly: true))
        }
        return mapped
    }
}
