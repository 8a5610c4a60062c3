import Glibc
import RMQCommon
import RMQStore

/// The store's figures, without network: `mqstore bench <what> <directory>`, for `Tools/bench --only store`.
///
/// Each prints rows `what | measured | goal | met or missed`; ratios compare with a yardstick of the same run. The directory is
/// filled and not removed.
public enum StoreBench {
    static let help = """
        mqstore bench WHAT DIRECTORY [quick]

        append    one thread, bodies of 128 B and 4 KiB, against a bare copy of the same bytes into a mapped file
        sync      synchronous flush: 1 and 64 writers, 64 appends in flight, against the device's own fdatasync rate
        queues    10,000 topics x 4 queues against one topic; leaves a store of 10 GB (quick: 1,000 x 4, 1 GB)
        open      opens the store that `queues` left: time and memory
        crash     opens it, appends for ever: to be killed
        reopen    the same as `open`, after that
        read      a backlog in order, against a memcpy of the same files
        tail      100,000 appends/s for 60 s (quick: 10 s): the longest waits
        cold      the same with a reader of cold segments beside it
        """

    /// - Parameter words: the words behind `bench`.
    public static func run(_ words: [String]) -> Int32 {
        guard words.count >= 2 else {
            print(help)
            return words.isExactly(["-h"]) || words.isExactly(["--help"]) ? 0 : 2
        }
        let run = BenchRun(directory: words[1], isQuick: words.dropFirst(2).contains { $0.isExactly("quick") })
        do throws(StoreError) {
            switch ByteText(words[0]) {
            case "append": try AppendBench(run).measure()
            case "sync": try SyncBench(run).measure()
            case "queues": try QueuesBench(run).measure()
            case "open": try OpenBench(run).measure(after: "a clean stop", limit: 2)
            case "reopen": try OpenBench(run).measure(after: "kill -9", limit: nil)
            case "crash": try OpenBench(run).appendForEver()
            case "read": try ReadBench(run).measure()
            case "tail": try TailBench(run).measure(withColdReader: false)
            case "cold": try TailBench(run).measure(withColdReader: true)
            default:
                print(help)
                return 2
            }
            return 0
        } catch {
            print("mqstore bench: \(error)")
            return 1
        }
    }
}

/// What all measurements share.
struct BenchRun: Sendable {
    let directory: String
    let isQuick: Bool

    func configuration(_ name: String = "store", segmentBytes: Int = 1 << 30) -> StoreConfiguration {
        var configuration = StoreConfiguration(rootDirectory: directory + "/" + name)
        configuration.segmentBytes = segmentBytes
        return configuration
    }

    func open(_ configuration: StoreConfiguration) throws(StoreError) -> MessageStore {
        let store = try MessageStore(configuration, logger: .silent)
        try store.start()
        return store
    }
}

/// Encodes and appends messages of one size, as a broker does.
final class Appender {
    private let store: MessageStore
    private let encoder = RecordEncoder()
    private let batch: AppendBatch
    private let body: [UInt8]
    private let properties = MessageProperties([("UNIQ_KEY", "7F0000010000000000000000000004D2"), ("WAIT", "true"), ("TAGS", "TagA")]).encoded()
    private let attributes: RecordAttributes

    init(_ store: MessageStore, bodyBytes: Int) {
        self.store = store
        batch = AppendBatch(for: store, maxMessageBytes: 4 << 20)
        body = (0..<bodyBytes).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let host = HostAddress(ipv4: (127, 0, 0, 1), port: 10911)
        attributes = RecordAttributes(bornTimestamp: 1_700_000_000_000, bornHost: host, storeHost: host)
    }

    @discardableResult
    func append(_ queue: QueueHandle) throws(StoreError) -> AppendResult {
        try store.append(try draft(queue))
    }

    /// Appends so many at once, as an event loop does with what it received in one wake-up.
    func append(_ queue: QueueHandle, count: Int) throws(StoreError) {
        for _ in 0..<count { try batch.add(try draft(queue, with: batch.encoder)) }
        store.append(batch)
        for index in 0..<count { _ = try batch.outcome(index).get() }
        batch.removeAll()
    }

    func draft(_ queue: QueueHandle) throws(StoreError) -> RecordDraft { try draft(queue, with: encoder) }

    private func draft(_ queue: QueueHandle, with encoder: RecordEncoder) throws(StoreError) -> RecordDraft {
        try body.withUnsafeBytes { body in
            properties.withUnsafeBytes { properties in
                Result { () throws(StoreError) in
                    try encoder.encode(queue: queue, attributes: attributes, body: body, properties: properties)
                }
            }
        }.get()
    }
}

/// Seconds that a piece of work took.
func seconds(_ work: () throws(StoreError) -> Void) throws(StoreError) -> Double {
    let start = MonotonicInstant.now
    try work()
    return (MonotonicInstant.now - start) / .seconds(1)
}

/// A line at once, also into a pipe.
func report(_ text: String) {
    print(text)
    fflush(nil)
}

/// One row of the table that `Tools/bench` makes.
/// - Parameter isMet: whether the figure is as good as its goal; nil for one that has none.
func report(_ what: String, _ measured: String, goal: String = "", isMet: Bool? = nil) {
    report("\(what) | \(measured) | \(goal) | \(isMet.map { $0 ? "met" : "missed" } ?? "")")
}

func text(_ number: Double, _ places: Int = 2) -> String { Decimal.text(number, places: places) }

/// 1234567 as `1,234,567`.
func grouped(_ number: Double) -> String {
    let digits = Array(String(Int(number)).utf8)
    let groups = stride(from: digits.count, to: 0, by: -3).map { String(decoding: digits[max(0, $0 - 3)..<$0], as: UTF8.self) }
    return groups.reversed().joined(separator: ",")
}

/// A field of /proc/self/status, in bytes.
func residentBytes(_ field: String) -> Int {
    guard let file = fopen("/proc/self/status", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, 256, file) != nil {
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if text.hasBytePrefix(field + ":") { return digits(text) * 1024 }
    }
    return 0
}

/// The number that the digits of a line make.
private func digits(_ line: String) -> Int { line.utf8.reduce(0) { (0x30...0x39).contains($1) ? $0 * 10 + Int($1 - 0x30) : $0 } }

/// Resident bytes of the files mapped from a folder of the store.
func residentBytes(mappedFrom folder: String) -> Int {
    guard let bytes = try? SmallFile.read("/proc/self/smaps") else { return 0 }
    let maps = String(decoding: bytes, as: UTF8.self)
    var isCounted = false
    var kilobytes = 0
    for line in maps.split(ascii: "\n") {
        if line.hasBytePrefix("Rss:") {
            if isCounted { kilobytes += digits(line) }
        } else if let first = line.utf8.first, Hex.value(of: first) != nil, line.contains(ascii: "-") {
            isCounted = line.containsBytes(of: "/\(folder)/")
        }
    }
    return kilobytes * 1024
}
