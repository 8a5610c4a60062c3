import Foundation
import RMQCommon
import RMQStore
import RMQStoreTool
import RMQTestSupport
import Synchronization

struct Outcome {
    var status: Int32
    var text: String
    var error: String
}

func run(_ command: String, _ path: String, _ options: [String] = []) -> Outcome {
    let text = Collected(), error = Collected()
    let output = ToolOutput(write: { text.append($0) }, writeError: { error.append($0) }, showsProgress: false)
    let status = StoreTool(output: output).run([command, path] + options)
    return Outcome(status: status, text: text.value, error: error.value)
}

private final class Collected: Sendable {
    private let text = Mutex("")
    func append(_ more: String) { text.withLock { $0 += more } }
    var value: String { text.withLock { $0 } }
}

/// A closed store of numbered messages in four queues; message n has the body "n" and the key "key<n>".
final class SampleStore {
    private let folder: TemporaryFolder
    var path: String { folder.path }

    static func configuration(_ path: String) -> StoreConfiguration {
        var configuration = StoreConfiguration(rootDirectory: path)
        configuration.segmentBytes = 64 << 10
        configuration.consumeQueueFileBytes = 2000
        configuration.indexSlotCount = 100
        configuration.indexEntryCount = 400
        return configuration
    }

    init(messages: Int) throws {
        folder = try TemporaryFolder()
        let store = try MessageStore(Self.configuration(folder.path), logger: .silent)
        try store.start()
        let encoder = RecordEncoder()
        let host = HostAddress(ipv4: (127, 0, 0, 1), port: 10911)
        let attributes = RecordAttributes(bornTimestamp: 1, bornHost: host, storeHost: host)
        for number in 0..<messages {
            let queue = store.queueHandle(topic: number & 1 == 0 ? "TopicA" : "TopicB", queueId: Int32(number >> 1 & 1))
            let properties = MessageProperties([("KEYS", "key\(number)"), ("TAGS", "tag\(number % 3)")]).encoded()
            let body = Array("\(number)".utf8) + (messages > 200 ? [UInt8](repeating: 32, count: 200) : [])
            let draft = try properties.withUnsafeBytes { properties in
                try body.withUnsafeBytes { try encoder.encode(queue: queue, attributes: attributes, body: $0, properties: properties) }
            }
            try store.append(draft)
        }
        try store.close()
    }
}

func flip(_ path: String, at position: UInt64) throws {
    let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    defer { try? handle.close() }
    try handle.seek(toOffset: position)
    let byte = try handle.read(upToCount: 1)?.first ?? 0
    try handle.seek(toOffset: position)
    try handle.write(contentsOf: Data([byte ^ 4]))
}

/// Names, times of modification and content of everything below a directory.
func fingerprint(_ path: String) throws -> [String] {
    let names = try FileManager.default.subpathsOfDirectory(atPath: path).sorted()
    return try names.map { name in
        let attributes = try FileManager.default.attributesOfItem(atPath: path + "/" + name)
        let content = FileManager.default.contents(atPath: path + "/" + name) ?? Data()
        return "\(name) \(attributes[.modificationDate] as Any) \(content.hashValue)"
    }
}
