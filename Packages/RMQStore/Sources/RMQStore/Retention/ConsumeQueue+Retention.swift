import Synchronization

extension ConsumeQueue {
    /// Removes whole files whose messages the log no longer holds, never the last one, and corrects the smallest offset.
    /// Retention thread.
    /// - Returns: whether files were removed.
    func follow(logMinimum: Int64) throws(StoreError) -> Bool {
        guard hasFiles, firstPhysicalOffset < logMinimum else { return false }
        var removed = false
        while let first = firstFile(), first.count == Int(entriesPerFile), files.withLock({ $0.count > 1 }) {
            let path = path(first.base)
            guard let last = try QueueFileReader(path).lastEntry(count: first.count), last.position < logMinimum else { break }
            try StoreFiles.remove(path)
            // Durable before the next one goes: after a power failure no file may be missing between two others.
            try place.disk.synchronizeNames(in: directory)
            // The queue may have been forgotten meanwhile.
            files.withLock { if $0.count > 1, $0.firstBase == first.base { $0.removeFirst(fileBytes: fileBytes) } }
            removed = true
        }
        if removed { try noteFirst() }
        try correctMinimum(logMinimum: logMinimum)
        try trimExtension()
        return removed
    }

    /// Sets the smallest offset to the first entry whose record the log still holds; to the end when there is none.
    ///
    /// Whole files below the beginning of the log are gone, so it is in the first file if it is anywhere.
    func correctMinimum(logMinimum: Int64) throws(StoreError) {
        guard let first = firstFile() else { return }
        let index = try QueueFileReader(path(first.base)).firstIndex(atOrBehind: logMinimum, count: first.count)
        let firstOffset = first.base / Int64(QueueEntry.byteCount)
        publishedMin.store(firstOffset + Int64(index ?? first.count), ordering: .releasing)
    }
}
