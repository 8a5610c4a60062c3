import RMQStore

/// All segments of a log, mapped for reading: for looking up single records.
struct LogFiles {
    private let segments: [MappedFile]

    init(_ files: [StoreDirectory.LogFile]) throws(ToolError) {
        var segments: [MappedFile] = []
        for file in files where file.byteCount >= 8 {
            do throws(StoreError) {
                segments.append(try MappedFile(reading: file.path, baseOffset: file.baseOffset))
            } catch {
                throw .store(error)
            }
        }
        self.segments = segments
    }

    /// The record that begins at an offset, and where; nil when none does.
    func record(at offset: Int64, verifiesBody: Bool = false) -> (record: CheckedRecord, file: MappedFile, position: Int)? {
        guard let segment = segments.last(where: { $0.baseOffset <= offset }), offset - segment.baseOffset <= Int64(segment.byteCount - 8) else {
            return nil
        }
        let position = Int(offset - segment.baseOffset)
        guard case .record(let record) = RecordCheck.check(segment, at: position, verifiesBody: verifiesBody) else { return nil }
        return (record, segment, position)
    }
}
