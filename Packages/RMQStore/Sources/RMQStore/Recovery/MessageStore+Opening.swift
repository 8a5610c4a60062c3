import RMQCommon

/// What opening finds in the store's directories that is not as this configuration would have made it.
extension MessageStore {
    /// Sets aside what stands where a folder or a file of the store belongs and is of the other kind.
    static func clearPlaces(_ configuration: StoreConfiguration, _ logger: Logger) throws(StoreError) {
        let root = configuration.rootDirectory
        let folders = [configuration.consumeQueueDirectory, configuration.extensionDirectory, configuration.indexDirectory, configuration.configDirectory]
        for path in folders {
            guard let kind = StoreFiles.kind(path), kind != .directory else { continue }
            let target = try StoreFiles.setAside(path)
            logger.warning("\(path) is no folder; it is now \(target)")
        }
        for name in ["lock", "abort", "checkpoint"] {
            guard let kind = StoreFiles.kind(root + "/" + name), kind != .file else { continue }
            let target = try StoreFiles.setAside(root + "/" + name)
            logger.warning("\(root)/\(name) is no file; it is now \(target)")
        }
    }

    /// Maps the commit log's files. Their size becomes that of the configuration.
    static func loadSegments(_ configuration: inout StoreConfiguration, _ roots: LogRoots, _ logger: Logger) throws(StoreError) -> [MappedFile] {
        let found = try SegmentFiles(directories: roots.all)
        report(strays: found.strays, obstacles: [], logger)
        let bytes = found.fileBytes(configured: configuration.segmentBytes)
        if bytes != configuration.segmentBytes {
            FoundSize.warn(logger, "commit log", found: bytes, configured: configuration.segmentBytes, key: "mappedFileSizeCommitLog")
            configuration.segmentBytes = bytes
        }
        return try found.load(fileBytes: bytes, logger: logger)
    }

    /// The size of the queues' extension files, if there are any, becomes that of the configuration.
    static func useExtensionSizeFound(_ configuration: inout StoreConfiguration, _ logger: Logger) throws(StoreError) {
        guard configuration.writesQueueExtensions else { return }
        var lengths: [Int64] = []
        let root = configuration.extensionDirectory
        for topic in try StoreFiles.entries(in: root) where topic.kind == .directory && lengths.count < filesAsked {
            for queue in try StoreFiles.entries(in: "\(root)/\(topic.name)") where queue.kind == .directory {
                let directory = "\(root)/\(topic.name)/\(queue.name)"
                for file in try StoreFiles.entries(in: directory) where file.kind == .file && SegmentName.offset(file.name) != nil {
                    lengths.append(try MappedFile.length(directory + "/" + file.name))
                }
            }
        }
        let bytes = FoundSize.decide(lengths.filter { $0 >= 1024 && $0 <= Int64(Int32.max) }, configured: configuration.extensionFileBytes)
        guard bytes != configuration.extensionFileBytes else { return }
        FoundSize.warn(
            logger, "consume queue extension", found: bytes, configured: configuration.extensionFileBytes, key: "mappedFileSizeConsumeQueueExt")
        configuration.extensionFileBytes = bytes
    }

    /// More files than this need not be asked for their size: there may be tens of thousands.
    private static let filesAsked = 256

    static func report(strays: [String], obstacles: [String], _ logger: Logger) {
        for path in obstacles { logger.warning("\(path) was no file of the store; it has another name now") }
        for path in strays.prefix(straysNamed) { logger.warning("\(path) belongs to no store; it is left alone") }
        if strays.count > straysNamed { logger.warning("so do \(strays.count - straysNamed) more") }
    }

    /// They do no harm: the next opening tries again.
    static func report(_ leftOvers: [DeletedFolder.LeftOver], _ logger: Logger) {
        for folder in leftOvers.prefix(straysNamed) { logger.warning("files of a deleted queue are left in \(folder.path): \(folder.error)") }
        if leftOvers.count > straysNamed { logger.warning("so they are in \(leftOvers.count - straysNamed) more folders") }
    }

    private static let straysNamed = 20
}
