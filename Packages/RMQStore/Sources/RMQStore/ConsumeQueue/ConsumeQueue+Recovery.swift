import Synchronization

/// What happens to a queue's files before the store starts, and when its log is cut.
extension ConsumeQueue {
    /// Takes over the files found on disk, without mapping them, and finds the end. What cannot be used of them is removed.
    /// - Parameter cutsHoles: whether entries that follow others which are destroyed are given up, too.
    /// - Returns: false when it found such entries and let them be: the queue cannot be used before it is loaded again.
    func load(_ list: QueueFileList, _ trust: QueueTrust, cutsHoles: Bool) throws(StoreError) -> Bool {
        let found = try list.settle()
        guard let first = found.first else { return true }
        files.withLock { $0.set(firstBase: first.offset, count: found.count) }
        publishedMin.store(first.offset / Int64(QueueEntry.byteCount), ordering: .releasing)
        var index = try firstFileToScan(found, trust)
        if index > 0 { maxPhysicalOffset = try QueueFileReader(found[index - 1].path).lastEntry(count: Int(entriesPerFile))?.end ?? -1 }
        var end = found[index].offset
        while index < found.count {
            guard let valid = try scan(found[index], trust, cutsHoles: cutsHoles) else { return false }
            end = found[index].offset + Int64(valid * QueueEntry.byteCount)
            if valid < entriesPerFile { break }
            index += 1
        }
        // What lies behind the first hole goes: recovery writes it again from the log.
        for file in found[min(index + 1, found.count)...] { try StoreFiles.remove(file.path) }
        files.withLock { $0.truncate(index + 1, fileBytes: fileBytes) }
        let next = end / Int64(QueueEntry.byteCount)
        publishedMax.store(next, ordering: .releasing)
        if case .nothing = trust { flushedMax = minOffset } else { flushedMax = next }
        if !trust.isClean { newNames.store(NewNames.directories.rawValue, ordering: .releasing) }
        if let index = try noteFirst() { publishedMin.store(first.offset / Int64(QueueEntry.byteCount) + Int64(index), ordering: .releasing) }
        return true
    }

    /// The file from which on entries are looked at one by one.
    private func firstFileToScan(_ found: [QueueFileList.File], _ trust: QueueTrust) throws(StoreError) -> Int {
        switch trust {
        case .clean: return found.count - 1
        case .nothing: return max(0, found.count - 3)
        case .writtenBack(let limit, _):
            for index in found.indices.dropFirst().reversed() {
                let entry = try QueueFileReader(found[index].path).entry(0)
                if entry.isValid, !entry.isFiller, entry.position < limit { return index }
            }
            return 0
        }
    }

    /// Counts the entries of a file that are to be kept, and sees to it that nothing stands behind them after a crash.
    /// - Returns: nil when entries that were on the disk follow one that is destroyed, and they are not to be cut.
    private func scan(_ found: QueueFileList.File, _ trust: QueueTrust, cutsHoles: Bool) throws(StoreError) -> Int? {
        let limit = trust.limit
        let reader = try QueueFileReader(found.path)
        var valid = 0
        var newest: Int64 = -1
        var endIsDestroyed = false
        try reader.scan(from: 0, count: Int(entriesPerFile)) { index, entry in
            // Entries are in the order of the log; what is torn, or left from before a cut, is not. A record ends at the limit.
            guard entry.isValid, entry.isFiller || entry.position >= newest && entry.position < limit && entry.end <= limit else {
                endIsDestroyed = !trust.mayFollow(entry)
                return false
            }
            if !entry.isFiller { newest = entry.end }
            valid = index + 1
            return true
        }
        if endIsDestroyed, !cutsHoles { return nil }
        if newest >= 0 { maxPhysicalOffset = newest }
        if cutsHoles || !trust.isClean, valid < entriesPerFile, try !reader.isZero(from: valid, fileBytes: fileBytes) {
            if !cutsHoles, try reader.hasEntry(below: limit, from: valid + 1, count: min(Self.holeReach, Int(entriesPerFile) - valid - 1)) { return nil }
            try MappedFile(opening: found.path, baseOffset: found.offset, byteCount: fileBytes).zeroTail(from: valid * QueueEntry.byteCount)
            zeroedFrom = found.offset / Int64(QueueEntry.byteCount) + Int64(valid)
        }
        return valid
    }

    /// How many entries behind the last good one are looked at after a crash: 64 KiB.
    private static let holeReach = 65_536 / QueueEntry.byteCount

    /// Finds the place in the log of the first entry that is one.
    /// - Returns: its number in the first file.
    @discardableResult
    func noteFirst() throws(StoreError) -> Int? {
        var position: Int64 = -1
        defer { firstPosition.store(position, ordering: .relaxed) }
        guard let first = firstFile() else { return nil }
        let reader = try QueueFileReader(path(first.base))
        let index = try reader.firstIndex(atOrBehind: 0, count: first.count)
        if let index { position = try reader.entry(index).position }
        return index
    }

    /// Where the first file begins, and how many entries it holds; nil without files.
    func firstFile() -> (base: Int64, count: Int)? {
        guard let base = files.withLock({ $0.count > 0 ? $0.firstBase : nil }) else { return nil }
        return (base, Int(max(0, min(entriesPerFile, maxOffset - base / Int64(QueueEntry.byteCount)))))
    }

    /// Starts an empty queue at an offset above 0: the log no longer has what came before.
    func begin(at offset: Int64, _ held: borrowing AppendState) throws(StoreError) {
        publishedMin.store(offset, ordering: .releasing)
        publishedMax.store(offset, ordering: .releasing)
        flushedMax = offset
        try prepare(1, held)
        guard let writer = writer(held) else { return }
        let position = Int(offset * Int64(QueueEntry.byteCount) - writer.baseOffset)
        for start in stride(from: 0, to: position, by: QueueEntry.byteCount) { QueueEntry.filler.write(to: writer.base + start) }
    }

    /// Drops the entries of records at or behind a log offset.
    func truncate(toPhysicalOffset limit: Int64, _ held: borrowing AppendState) throws(StoreError) {
        guard maxPhysicalOffset > limit else { return }
        try dropNewest(held) { entry, _ in entry.position < limit }
    }

    /// Drops the newest entries until one is to be kept.
    func dropNewest(_ held: borrowing AppendState, until isKept: (_ entry: QueueEntry, _ offset: Int64) -> Bool) throws(StoreError) {
        var end = maxOffset
        let start = minOffset
        maxPhysicalOffset = -1
        while end > start, let (file, position) = try locate(end - 1) {
            let entry = QueueEntry(file.base + position)
            if !entry.isFiller, isKept(entry, end - 1) {
                maxPhysicalOffset = entry.end
                break
            }
            end -= 1
        }
        try cut(to: end, held)
    }

    /// Makes `offset` the next one and removes every trace of later entries.
    private func cut(to offset: Int64, _ held: borrowing AppendState) throws(StoreError) {
        let end = offset * Int64(QueueEntry.byteCount)
        giveBackWriter(isForced: true, held)
        extensions.forgetEnd(held)
        let (first, count) = files.withLock { ($0.firstBase, $0.count) }
        let kept = max(1, Int((end - first + Int64(fileBytes) - 1) / Int64(fileBytes)))
        for index in stride(from: kept, to: count, by: 1) { try StoreFiles.remove(path(first + Int64(index * fileBytes))) }
        files.withLock { $0.truncate(kept, fileBytes: fileBytes) }
        if let (file, position) = try locate(offset) {
            try file.zeroTail(from: position)
            zeroedFrom = offset
        }
        publishedMax.store(offset, ordering: .releasing)
        flushedMax = min(flushedMax, offset)
        try noteFirst()
    }

    /// Forgets all entries and removes the files; what the log says about the queue is written again afterwards.
    func reset(_ held: borrowing AppendState) throws(StoreError) {
        giveBackWriter(isForced: true, held)
        try extensions.removeAll(held)
        let (first, count) = files.withLock { files in
            defer { files.set(firstBase: 0, count: 0) }
            return (files.firstBase, files.count)
        }
        for index in 0..<count { try StoreFiles.remove(path(first + Int64(index * fileBytes))) }
        forgetEntries()
    }

    /// Begins again with offset 0, without files. On the flush thread, or while it may not flush.
    /// - Parameter settingAside: takes the files out of the way; when it fails, the queue stays as it is. Under the lock of the list of
    ///   files, so that a reader to whom one is missing does not find it listed.
    func beginAgain(_ held: borrowing AppendState, settingAside: () throws(StoreError) -> Void) throws(StoreError) {
        giveBackWriter(isForced: true, held)
        try files.withLock { (files) throws(StoreError) in
            try settingAside()
            files.set(firstBase: 0, count: 0)
        }
        extensions.forgetAll(held)
        forgetEntries()
        resumeAssigning(held)
    }

    private func forgetEntries() {
        maxPhysicalOffset = -1
        firstPosition.store(-1, ordering: .relaxed)
        publishedMin.store(0, ordering: .releasing)
        publishedMax.store(0, ordering: .releasing)
        flushedMax = 0
        zeroedFrom = nil
    }
}
