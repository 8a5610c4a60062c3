import Synchronization

/// How a queue gets to the disk. Flush thread only.
extension ConsumeQueue {
    /// Makes all entries published so far durable, and the names of their files.
    func flush() throws(StoreError) {
        let end = maxOffset
        try extensions.flush(place.disk)
        let names = newNames.exchange(NewNames.none.rawValue, ordering: .acquiring)
        if names >= NewNames.file.rawValue { try place.disk.synchronizeNames(in: directory) }
        if names >= NewNames.directories.rawValue {
            let topicDirectory = StoreFiles.parent(directory)
            try place.disk.synchronizeNames(in: topicDirectory)
            try place.disk.synchronizeNames(in: StoreFiles.parent(topicDirectory))
        }
        if let zeroed = zeroedFrom {
            if let (file, position) = try locate(zeroed) { try place.disk.synchronize(file, from: position, to: file.byteCount) }
            zeroedFrom = nil
        }
        while flushedMax < end {
            guard let (file, position) = try locate(flushedMax) else {
                flushedMax = end
                return
            }
            let last = min(Int64(file.byteCount), end * Int64(QueueEntry.byteCount) - file.baseOffset)
            try place.disk.synchronize(file, from: position, to: Int(last))
            flushedMax = (file.baseOffset + last) / Int64(QueueEntry.byteCount)
            if flushedMax == end { Self.makeWritable(file, at: Int(last)) }
        }
    }

    /// Somebody is about to sync the whole file system.
    /// - Returns: all entries below will then be on the disk, with the names of their files.
    func beginFlushTogether() -> Int64 {
        newNames.store(NewNames.none.rawValue, ordering: .sequentiallyConsistent)
        let end = maxOffset
        extensions.beginFlushTogether()
        return end
    }

    /// The file system was synced; `end` is what ``beginFlushTogether()`` returned.
    func endFlushTogether(_ end: Int64) {
        flushedMax = max(flushedMax, end)
        extensions.endFlushTogether()
        let byteOffset = end * Int64(QueueEntry.byteCount)
        let file = files.withLock { files in
            files.base(holding: byteOffset, fileBytes: fileBytes).flatMap { files.mappedFile(base: $0) }
        }
        if let file { Self.makeWritable(file, at: Int(byteOffset - file.baseOffset)) }
    }

    /// After a sync the first store to a page faults, and waits if the file system's journal is busy: better here than under
    /// the append lock. The page behind comes along when it will be needed soon.
    private static func makeWritable(_ file: MappedFile, at position: Int) {
        file.populate(from: position, to: position + MappedFile.pageBytes / 2)
    }
}
