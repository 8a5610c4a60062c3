import RMQCommon
import RMQRemoting
import Synchronization

/// How far one group has consumed one topic, queue by queue.
final class GroupProgress: Sendable {
    let group: String
    let topic: String
    /// The lock of a leaf: nothing else is taken while it is held.
    private let offsets: Mutex<[Int32: Int64]>
    private let dirty: Atomic<Bool>

    fileprivate init(group: String, topic: String, offsets: [Int32: Int64], dirty: Bool) {
        self.group = group
        self.topic = topic
        self.offsets = Mutex(offsets)
        self.dirty = Atomic(dirty)
    }

    subscript(queueId: Int32) -> Int64? { offsets.withLock { $0[queueId] } }
    var all: [Int32: Int64] { offsets.withLock { $0 } }

    /// As many as a topic may have. A client may commit in queues that are not there.
    private static let queueLimit = Int(TopicLimit.queues)

    /// Overwrites whatever was there: a client may go back on purpose.
    /// - Returns: false when there are offsets of too many queues already.
    @discardableResult
    func commit(_ offset: Int64, queueId: Int32) -> Bool {
        let isKept = offsets.withLock { offsets in
            guard offsets.count < Self.queueLimit || offsets[queueId] != nil else { return false }
            offsets[queueId] = offset
            return true
        }
        if isKept { dirty.store(true, ordering: .releasing) }
        return isKept
    }

    /// Takes over the offsets of another group, instead of its own.
    func replace(with other: [Int32: Int64]) {
        offsets.withLock { $0 = other }
        dirty.store(true, ordering: .releasing)
    }

    fileprivate var isDirty: Bool { dirty.load(ordering: .relaxed) }
    fileprivate func takeDirty() { _ = dirty.exchange(false, ordering: .acquiringAndReleasing) }
}

/// The offsets that consumer groups committed.
///
/// Lock order: the table's lock, then one ``GroupProgress``'s. A pull takes neither to find its group: its loop keeps the
/// ``GroupProgress`` until ``version`` moves, which happens only when one is removed.
final class ConsumerOffsets: Sendable {
    private struct Key: Hashable {
        let topic: ByteText
        let group: ByteText

        init(topic: String, group: String) { (self.topic, self.group) = (ByteText(topic), ByteText(group)) }
    }

    /// Most pairs of topic and group: about 300 MB of names that a client made up, before it is refused.
    private static let limit = 1_000_000

    private let table = Mutex<[Key: GroupProgress]>([:])
    private let changes = Atomic<UInt64>(1)
    private let removed = Atomic<Bool>(false)
    private let separatesLightGroups: Bool

    /// - Parameter separatesLightGroups: whether ``file`` lists groups named `%LMQ%…` apart, as the reference does with `enableLmq`.
    init(separatesLightGroups: Bool = false) {
        self.separatesLightGroups = separatesLightGroups
    }

    var version: UInt64 { changes.load(ordering: .acquiring) }

    /// The progress of a group in a topic, made when it is the first time; nil when the table is full.
    func progress(group: String, topic: String) -> GroupProgress? {
        table.withLock { table in
            let key = Key(topic: topic, group: group)
            if let progress = table[key] { return progress }
            guard table.count < Self.limit else { return nil }
            let progress = GroupProgress(group: group, topic: topic, offsets: [:], dirty: false)
            table[key] = progress
            return progress
        }
    }

    /// The progress of a group in a topic; nil when it never committed anything.
    func existing(group: String, topic: String) -> GroupProgress? {
        table.withLock { $0[Key(topic: topic, group: group)] }.flatMap { $0.all.isEmpty ? nil : $0 }
    }

    /// Topics in which `group` has offsets.
    func topics(of group: String) -> [String] { filtered { $0.group.isExactly(group) }.map(\.topic) }

    /// Groups that have offsets in `topic`.
    func groups(of topic: String) -> [String] { filtered { $0.topic.isExactly(topic) }.map(\.group) }

    private func filtered(_ wanted: (GroupProgress) -> Bool) -> [GroupProgress] {
        table.withLock { table in table.values.filter { wanted($0) && !$0.all.isEmpty } }
    }

    func remove(group: String) {
        table.withLock { table in table = table.filter { $0.key.group != ByteText(group) } }
        removed.store(true, ordering: .releasing)
        changes.wrappingAdd(1, ordering: .acquiringAndReleasing)
    }

    // MARK: the file

    /// Keys without an `@` are left out.
    func load(_ file: ConsumerOffsetTable) {
        table.withLock { table in
            let light = (file.lightOffsets ?? [:]).mapValues { [Int32(0): $0] }
            for (key, offsets) in file.offsets.merging(light, uniquingKeysWith: { $1 }) {
                guard let (topic, group) = Self.parts(of: key.text) else { continue }
                table[Key(topic: topic, group: group)] = GroupProgress(group: group, topic: topic, offsets: offsets, dirty: false)
            }
        }
    }

    /// Takes over a master's offsets: those of a pair of topic and group in place of its own; other pairs stay.
    func merge(_ other: ConsumerOffsetTable) {
        let light = (other.lightOffsets ?? [:]).mapValues { [Int32(0): $0] }
        for (key, offsets) in other.offsets.merging(light, uniquingKeysWith: { $1 }) where offsets.count <= TopicLimit.queues {
            guard let (topic, group) = Self.parts(of: key.text), let progress = progress(group: group, topic: topic) else { continue }
            // Loops keep the object, so it is this one that changes.
            if progress.all != offsets { progress.replace(with: offsets) }
        }
    }

    /// Topic and group of a key `topic@group`. An `@` may also be in the group, and then in the topic if that is its retry topic.
    private static func parts(of key: String) -> (topic: String, group: String)? {
        let bytes = Array(key.utf8)
        guard var separator = bytes.firstIndex(of: UInt8(ascii: "@")) else { return nil }
        if bytes.starts(with: RetryTopic.prefix.utf8) {
            let start = RetryTopic.prefix.utf8.count
            let middle = (start + bytes.count) / 2
            let isOwnRetryTopic = middle < bytes.count && bytes[middle] == UInt8(ascii: "@") && bytes[start..<middle] == bytes[(middle + 1)...]
            if isOwnRetryTopic { separator = middle }
        }
        return (String(decoding: bytes[..<separator], as: UTF8.self), String(decoding: bytes[(separator + 1)...], as: UTF8.self))
    }

    var file: ConsumerOffsetTable {
        var file = ConsumerOffsetTable { $0.lightOffsets = separatesLightGroups ? [:] : nil }
        for progress in filtered({ _ in true }) {
            let key = progress.topic + "@" + progress.group
            let offsets = progress.all
            if separatesLightGroups, LightQueue.isLight(progress.group), offsets.count == 1, let offset = offsets[0] {
                file.lightOffsets?[key] = offset
            } else {
                file.offsets[key] = offsets
            }
        }
        return file
    }

    /// Whether anything was committed or removed since the last ``takeChanges()``.
    var haveChanged: Bool {
        if removed.load(ordering: .acquiring) { return true }
        return table.withLock { Array($0.values) }.contains { $0.isDirty }
    }

    /// Forgets that anything changed; the caller then writes ``file``.
    func takeChanges() {
        let progresses = table.withLock { Array($0.values) }
        removed.store(false, ordering: .releasing)
        for progress in progresses { progress.takeDirty() }
    }
}
