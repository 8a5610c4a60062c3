import RMQCommon
import RMQStore

/// Where the files of a store are and how large they are made, found out by looking. Opens nothing for writing.
struct StoreDirectory {
    struct LogFile {
        var path: String
        var baseOffset: Int64
        var byteCount: Int64
    }

    struct Queue {
        var topic: String
        var queueId: Int32
        var directory: String
    }

    let root: String
    let logDirectories: [String]
    /// By offset.
    let segments: [LogFile]
    let queues: [Queue]
    let indexFiles: [String]
    /// Names in the directories of log and queues that no store makes.
    let foreignFiles: [String]

    /// What the files were made with; 0 when there are none.
    let segmentBytes: Int64
    let queueFileBytes: Int64

    var lockPath: String { root + "/lock" }
    var checkpointPath: String { root + "/checkpoint" }
    var isInUse: Bool { StoreLock.isHeld(path: lockPath) }
    /// Whether the last run ended without closing, or one goes on.
    var hasAbortFile: Bool { StoreFiles.exists(root + "/abort") }
    var logByteCount: Int64 { segments.reduce(0) { $0 + $1.byteCount } }
    var logMinimum: Int64 { segments.first?.baseOffset ?? 0 }

    init(_ options: inout Options) throws(ToolError) {
        root = options.directory
        logDirectories = options.text("commit-log")?.split(ascii: ",") ?? [root + "/commitlog"]
        for directory in logDirectories where !StoreFiles.isDirectory(directory) { throw .notAStore(options.directory) }
        do throws(StoreError) {
            var foreign: [String] = []
            segments = try Self.logFiles(logDirectories, &foreign)
            queues = try Self.queueDirectories(root + "/consumequeue", &foreign)
            indexFiles = try StoreFiles.entries(in: root + "/index").filter { $0.kind == .file }.map { "\(options.directory)/index/\($0.name)" }
            foreignFiles = foreign
            segmentBytes = segments.first?.byteCount ?? 0
            // What most of the queues' first files have: some may be damaged.
            var lengths: [Int64: Int] = [:]
            for queue in queues {
                guard let first = try StoreFiles.entries(in: queue.directory).first(where: { $0.kind == .file && SegmentName.offset($0.name) != nil })
                else { continue }
                lengths[try MappedFile.length(queue.directory + "/" + first.name), default: 0] += 1
            }
            queueFileBytes = lengths.max { ($0.value, $0.key) < ($1.value, $1.key) }?.key ?? 0
        } catch {
            throw .store(error)
        }
    }

    private static func logFiles(_ directories: [String], _ foreign: inout [String]) throws(StoreError) -> [LogFile] {
        var files: [LogFile] = []
        for directory in directories {
            for (name, kind) in try StoreFiles.entries(in: directory) {
                let path = directory + "/" + name
                if let offset = SegmentName.offset(name), kind == .file {
                    files.append(LogFile(path: path, baseOffset: offset, byteCount: try MappedFile.length(path)))
                } else {
                    foreign.append(path)
                }
            }
        }
        return files.sorted { $0.baseOffset < $1.baseOffset }
    }

    private static func queueDirectories(_ directory: String, _ foreign: inout [String]) throws(StoreError) -> [Queue] {
        var queues: [Queue] = []
        for topic in try StoreFiles.names(in: directory) {
            guard StoreFiles.isDirectory(directory + "/" + topic) else {
                foreign.append(directory + "/" + topic)
                continue
            }
            for name in try StoreFiles.names(in: directory + "/" + topic) {
                let path = "\(directory)/\(topic)/\(name)"
                if let queueId = Int32(name), StoreFiles.isDirectory(path) { queues.append(Queue(topic: topic, queueId: queueId, directory: path)) }
            }
        }
        return queues
    }
}
