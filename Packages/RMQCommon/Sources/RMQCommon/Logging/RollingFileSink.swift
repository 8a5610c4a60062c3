internal import Glibc
internal import Synchronization

/// Appends lines to a file; a full one is compressed and kept for a while.
///
///     broker.log  ->  otherdays/broker.1.log.gz  ->  otherdays/broker.2.log.gz  ->  …  ->  removed
///
/// Times are those of GMT+8 unless said otherwise: that is what the reference writes wherever it runs, and what reads its
/// logs expects.
///
/// A log must not stop what it reports on: compression happens on a queue of its own, and when the disk refuses a line, the
/// line is lost and counted. Standard error hears of the first one, and again at most every ten minutes.
public final class RollingFileSink: LogSink {
    private struct File: ~Copyable {
        var descriptor: Descriptor
        var byteCount: Int64
        /// Counts the full files, so that those which wait for compression have names of their own.
        var number: Int
        /// Lines lost since the last one that was written.
        var missing = 0
        /// When standard error was told.
        var complainedAt: MonotonicInstant?
    }

    private static let complaintPause: Duration = .seconds(600)

    /// UTC+8, by which the reference rolls its files at midnight.
    public static let chinaStandardTime = Zone.fixed(secondsEastOfGreenwich: 8 * 3600)
    /// Full files that may wait for compression; beyond that the present one grows.
    private static let waitingLimit = 2

    /// The file that is written now; older ones beside it have a number or a date.
    public let path: String
    private let byteLimit: Int64
    private let zone: Zone
    private let layout: LogLayout
    private let file: Mutex<File>
    private let archive: LogArchive
    private let lost = Counter()

    /// - Parameters:
    ///   - byteLimit: the size at which the next line goes to a new file.
    ///   - keptFiles: full files to keep.
    ///   - archiveFolder: where full files go; nil: `otherdays` beside the file.
    ///   - zone: that of the lines' times.
    /// - Throws: when the folder cannot be made or the file cannot be opened.
    public init(
        path: String, byteLimit: Int64 = 128 * 1024 * 1024, keptFiles: Int = 10, archiveFolder: String? = nil, zone: Zone = chinaStandardTime,
        layout: LogLayout = .full
    ) throws(SystemFailure) {
        self.path = path
        self.byteLimit = byteLimit
        self.zone = zone
        self.layout = layout
        try FileSystem.makeDirectories(FileSystem.parent(path))
        archive = LogArchive(of: path, in: archiveFolder, keptFiles: keptFiles)
        // What the last process did not get to.
        let numbers = archive.waitingNumbers()
        for number in numbers { archive.add(number) }
        file = Mutex(try Self.open(path, number: (numbers.last ?? 0) + 1))
    }

    /// Lines that could not be written.
    public var lostLines: Int64 { lost.value }

    public func write(_ record: LogRecord) {
        let line = record.line(in: zone, layout) + "\n"
        let complaint = file.withLock { file -> SystemFailure? in
            do throws(SystemFailure) {
                try append(file.missing > 0 ? "\n\(file.missing) lines are missing here: they could not be written\n" + line : line, to: &file)
                file.missing = 0
                return nil
            } catch {
                lost.add()
                file.missing += 1
                if let last = file.complainedAt, .now - last < Self.complaintPause { return nil }
                file.complainedAt = .now
                return error
            }
        }
        guard let complaint else { return }
        Console.writeError("cannot log to \(path), lines are lost until it can be written: \(complaint)\n")
    }

    private func append(_ text: String, to file: inout File) throws(SystemFailure) {
        let bytes = [UInt8](text.utf8)
        // A file that cannot be moved away grows: that is better than a line that is lost.
        if file.byteCount > 0, file.byteCount + Int64(bytes.count) > byteLimit { try? roll(&file) }
        try file.descriptor.write(bytes)
        file.byteCount += Int64(bytes.count)
    }

    /// Returns when every full file has been compressed.
    public func finishCompression() { archive.finish() }

    private func roll(_ file: inout File) throws(SystemFailure) {
        guard archive.waiting < Self.waitingLimit else { return }
        let number = file.number
        try FileSystem.makeDirectories(archive.folder)
        try FileSystem.rename(path, to: archive.waitingPath(number))
        file = try Self.open(path, number: number + 1)
        archive.add(number)
    }

    private static func open(_ path: String, number: Int) throws(SystemFailure) -> File {
        let descriptor = try Descriptor(opening: path, flags: O_WRONLY | O_CREAT | O_APPEND)
        let size = try descriptor.size()
        return File(descriptor: descriptor, byteCount: size, number: number)
    }
}
