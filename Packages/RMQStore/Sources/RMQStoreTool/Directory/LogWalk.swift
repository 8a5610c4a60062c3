import Glibc
import RMQStore

/// Goes through the commit log record by record, and over damage to the next readable record.
struct LogWalk {
    /// A place where no record could be read although more follow, or a file that is not what it should be.
    struct Damage {
        var path: String
        /// In the file, in bytes.
        var position: Int
        var physicalOffset: Int64
        var reason: String
        /// Bytes that cannot be read; nil when it is not about bytes.
        var lostBytes: Int64?
    }

    /// Where the log ends, and what stands behind it.
    struct End {
        var offset: Int64
        var path = ""
        /// Bytes behind the end that are not zero; a crash leaves some, and so does the reference.
        var trailingBytes: Int64 = 0
        var reason = ""
    }

    let files: [StoreDirectory.LogFile]
    let verifiesBodies: Bool
    /// Where to begin; somewhere in a record is fine, the next one is found.
    var start: Int64 = 0

    /// - Parameter visit: called for each record, with its mapping; false ends the walk.
    func run(
        progress: inout Progress, visit: (CheckedRecord, MappedFile, Int) throws(ToolError) -> Bool, damage: (Damage) -> Void
    ) throws(ToolError) -> End {
        var end = End(offset: files.first?.baseOffset ?? 0)
        var walked: Int64 = 0
        for (index, file) in files.enumerated() {
            if let problem = problem(of: index) { damage(problem) }
            guard file.baseOffset + file.byteCount > start, file.byteCount >= 8 else { continue }
            let segment = try open(file)
            defer { segment.releaseForReading() }
            var position = 0
            if start > file.baseOffset {
                guard let first = RecordCheck.nextRecord(in: segment, from: Int(start - file.baseOffset)) else { continue }
                position = first
            }
            walk: while position + 8 <= segment.byteCount {
                switch RecordCheck.check(segment, at: position, verifiesBody: verifiesBodies) {
                case .record(let record):
                    guard try visit(record, segment, position) else { return end }
                    position += record.byteCount
                    end.offset = file.baseOffset + Int64(position)
                    end.path = file.path
                case .filler:
                    let left = Int(segment.loadInt32(position))
                    if left != segment.byteCount - position {
                        damage(Damage(
                            path: file.path, position: position, physicalOffset: file.baseOffset + Int64(position),
                            reason: "the filler says \(left) bytes, there are \(segment.byteCount - position)"))
                    }
                    end.offset = file.baseOffset + Int64(segment.byteCount)
                    break walk
                case .invalid(let reason):
                    if let next = RecordCheck.nextRecord(in: segment, from: position + 1) {
                        damage(Damage(
                            path: file.path, position: position, physicalOffset: file.baseOffset + Int64(position), reason: reason,
                            lostBytes: Int64(next - position)))
                        position = next
                    } else if try isWritten(behind: index) {
                        damage(Damage(
                            path: file.path, position: position, physicalOffset: file.baseOffset + Int64(position), reason: reason,
                            lostBytes: Int64(segment.byteCount - position)))
                        break walk
                    } else {
                        end.trailingBytes = nonZeroBytes(in: segment, from: position)
                        end.reason = reason
                        return end
                    }
                }
                progress.report(walked + Int64(position))
            }
            walked += file.byteCount
        }
        return end
    }

    private func open(_ file: StoreDirectory.LogFile) throws(ToolError) -> MappedFile {
        do throws(StoreError) {
            return try MappedFile(reading: file.path, baseOffset: file.baseOffset)
        } catch {
            throw .store(error)
        }
    }

    private func problem(of index: Int) -> Damage? {
        let file = files[index]
        func damage(_ reason: String) -> Damage { Damage(path: file.path, position: 0, physicalOffset: file.baseOffset, reason: reason) }
        if file.byteCount != files[0].byteCount { return damage("it has \(file.byteCount) bytes, the first file has \(files[0].byteCount)") }
        guard index > 0 else { return nil }
        let due = files[index - 1].baseOffset + files[index - 1].byteCount
        return file.baseOffset == due ? nil : damage("the file for offset \(due) is missing before it")
    }

    /// Whether a later file holds a record: then the log does not end before it.
    private func isWritten(behind index: Int) throws(ToolError) -> Bool {
        for file in files[(index + 1)...] where file.byteCount >= 8 {
            if case .record = RecordCheck.check(try open(file), at: 0, verifiesBody: false) { return true }
        }
        return false
    }

    private func nonZeroBytes(in segment: MappedFile, from start: Int) -> Int64 {
        var last = segment.byteCount
        while last > start, segment.base.load(fromByteOffset: last - 1, as: UInt8.self) == 0 { last -= 1 }
        return Int64(last - start)
    }
}

extension MappedFile {
    /// A walk touches each page once: let the kernel forget that this process did.
    func releaseForReading() { madvise(base, byteCount, MADV_DONTNEED) }
}
