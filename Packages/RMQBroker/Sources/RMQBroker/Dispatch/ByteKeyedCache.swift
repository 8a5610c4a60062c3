import RMQCommon

/// A loop's look-up table from names, as they lie in a request's bytes, to what the loop needs for them.
///
/// A key is one name or two (a group and a topic); looking up makes no `String` and no allocation. Loop-confined, and
/// only a cache: it is emptied when it is full or when what it was filled from has changed.
final class ByteKeyedCache<Value> {
    private struct Slot {
        let hash: UInt64
        let first: [UInt8]
        let second: [UInt8]
        let value: Value
    }

    /// Always a power of two, so that the hash is masked, and at most half of the slots are used, so that probing ends soon.
    private var slots: [Slot?] = []
    private var count = 0
    /// Where a cache starts; it doubles when it is half full.
    private static var initialSlots: Int { 64 }
    /// For 32,768 entries, some 5 MB with names of 50 bytes; a loop that uses more topics than that starts over.
    private static var mostSlots: Int { 65_536 }

    func value(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer = .empty) -> Value? {
        guard count > 0 else { return nil }
        let hash = Self.hash(first, second)
        var index = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while let slot = slots[index] {
            if slot.hash == hash && Self.equal(slot.first, first) && Self.equal(slot.second, second) { return slot.value }
            index = (index + 1) & (slots.count - 1)
        }
        return nil
    }

    func insert(_ value: Value, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer = .empty) {
        if (count + 1) * 2 > slots.count { grow() }
        place(Slot(hash: Self.hash(first, second), first: [UInt8](first), second: [UInt8](second), value: value))
        count += 1
    }

    /// Keeps the space: what was used is used again soon.
    func removeAll() {
        guard count > 0 else { return }
        for index in slots.indices where slots[index] != nil { slots[index] = nil }
        count = 0
    }

    private func grow() {
        guard slots.count < Self.mostSlots else { return removeAll() }
        let old = slots
        slots = [Slot?](repeating: nil, count: max(old.count * 2, Self.initialSlots))
        for case let slot? in old { place(slot) }
    }

    private func place(_ slot: Slot) {
        var index = Int(truncatingIfNeeded: slot.hash) & (slots.count - 1)
        while slots[index] != nil { index = (index + 1) & (slots.count - 1) }
        slots[index] = slot
    }

    /// FNV-1a. Only names that exist get in, so collisions cannot be chosen by a client.
    private static func hash(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> UInt64 {
        var hash = FNV1a()
        hash.add(first)
        hash.add(0xFF)
        hash.add(second)
        return hash.value ^ (hash.value >> 29)
    }

    private static func equal(_ key: [UInt8], _ bytes: UnsafeRawBufferPointer) -> Bool {
        guard key.count == bytes.count else { return false }
        return key.withUnsafeBytes { left in
            for index in 0..<left.count where left[index] != bytes[index] { return false }
            return true
        }
    }
}

extension UnsafeRawBufferPointer {
    static var empty: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }
}
