/// Computes which consumer groups' filters a message passes, as a bit map that its readers understand; nil when there are
/// none. Called under the store's append lock: it must be quick and may not call the store. Its own lock, if it takes one, is a leaf.
public typealias FilterBitmap = @Sendable (_ topic: String, _ storeTimestamp: Int64, _ properties: UnsafeRawBufferPointer) -> [UInt8]?

extension ConsumeQueue {
    /// What the entry of a message carries: its tag code, or the address of an extension unit that has it.
    ///
    /// Like the reference, a queue whose extension cannot be written goes on with plain tag codes.
    @inline(__always)
    func entryCode(
        _ tagCode: Int64, storeTimestamp: Int64, _ held: borrowing AppendState, properties: () -> UnsafeRawBufferPointer
    ) -> Int64 {
        guard let settings = place.extensions else { return tagCode }
        return extendedCode(tagCode, storeTimestamp: storeTimestamp, properties: properties(), settings, held)
    }

    private func extendedCode(
        _ tagCode: Int64, storeTimestamp: Int64, properties: UnsafeRawBufferPointer, _ settings: ExtensionSettings, _ held: borrowing AppendState
    ) -> Int64 {
        let unit = QueueExtensionUnit(
            tagCode: tagCode, storeTimestamp: storeTimestamp, filterBitmap: settings.filterBitmap?(topic, storeTimestamp, properties) ?? [])
        do {
            let last = maxOffset > minOffset ? try entry(at: maxOffset - 1)?.tagCode ?? 0 : nil
            return try extensions.append(unit, lastCode: last, fileBytes: settings.fileBytes, place.disk, held) ?? tagCode
        } catch {
            return tagCode
        }
    }

    /// What the extension says about the message at an offset; nil when its entry has none.
    public func extensionUnit(at offset: Int64) -> QueueExtensionUnit? {
        guard let entry = try? entry(at: offset), QueueExtension.isAddress(entry.tagCode) else { return nil }
        return extensions.unit(at: entry.tagCode)
    }

    /// Removes extension files that no entry leads to any more. Retention thread.
    func trimExtension() throws(StoreError) {
        guard let first = try entry(at: minOffset)?.tagCode, QueueExtension.isAddress(first) else { return }
        try extensions.removeFiles(before: first)
    }
}

/// How extension units are written.
struct ExtensionSettings: Sendable {
    let fileBytes: Int
    let filterBitmap: FilterBitmap?
}
