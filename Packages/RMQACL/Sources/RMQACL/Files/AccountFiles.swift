import RMQCommon

/// The account files as they were last read, and what is known of those that changed since.
struct AccountFiles {
    private struct Known {
        var file: AccountFile
        var stamp: FileStamp?
        /// Of a file that no command has changed yet: when it was read.
        var readAt: Int64
    }

    let places: AccountPlaces
    /// In the order of the paths, the main one last.
    private var known: [Known] = []
    /// Changed files, as they were at the look before.
    private var changing: [ByteText: FileStamp] = [:]
    /// Files that cannot be used, as they were when that was said.
    private var refused: [ByteText: FileStamp?] = [:]
    /// Files that were not there at the look before.
    private var missing: Set<ByteText> = []
    private var listingFailed = false

    var loaded: [AccountFile] { known.map(\.file) }

    /// By path. A file without a version has the time when it was read.
    var versions: [(path: String, version: DataVersion)] {
        known.map { ($0.file.path, $0.file.version ?? DataVersion(timestamp: $0.readAt)) }
    }

    init(_ places: AccountPlaces, now: Int64, logger: Logger) throws(AccountFileError) {
        self.places = places
        do throws(SystemFailure) {
            try places.makeMain()
        } catch {
            throw AccountFileError(places.main, "\(error); access control needs this file, or the folder to make it in")
        }
        let paths: [String]
        do throws(SystemFailure) { paths = try places.files() } catch { throw AccountFileError(places.folder, "\(error)") }
        for path in paths {
            let stamp = FileStamp(path)
            put(try Self.read(path), stamp, now: now, logger)
        }
    }

    /// The file as it is on the disk.
    static func read(_ path: String) throws(AccountFileError) -> AccountFile {
        guard let stamp = FileStamp(path) else { throw AccountFileError(path, "there is no file, or no regular one") }
        guard stamp.size <= AccountFile.byteLimit else {
            throw AccountFileError(path, "\(stamp.size) bytes; allowed are \(AccountFile.byteLimit)")
        }
        let bytes: [UInt8]
        do throws(SystemFailure) { bytes = try SmallFile.read(path) ?? [] } catch { throw AccountFileError(path, "\(error)") }
        return try AccountFile(bytes, path: path)
    }

    /// Takes a file over, in place of what was known of it.
    mutating func put(_ file: AccountFile, _ stamp: FileStamp?, now: Int64, _ logger: Logger) {
        for warning in file.warnings { logger.warning(warning) }
        let place = known.firstIndex { $0.file.path.isExactly(file.path) }
        let next = Known(file: file, stamp: stamp, readAt: now)
        if let place {
            known[place] = next
        } else {
            known.append(next)
            let main = places.main
            known.sort { left, right in
                if left.file.path.isExactly(main) || right.file.path.isExactly(main) { return !left.file.path.isExactly(main) }
                return left.file.path.precedesByBytes(right.file.path)
            }
        }
        changing[ByteText(file.path)] = nil
        refused[ByteText(file.path)] = nil
        warnOfRepeatedAccounts(logger)
    }

    private func warnOfRepeatedAccounts(_ logger: Logger) {
        var owners: [ByteText: String] = [:]
        for file in loaded {
            for account in file.accounts {
                if let owner = owners[account.accessKey] {
                    logger.warning("the account '\(account.accessKey)' of \(file.path) is in \(owner) already, which counts")
                } else {
                    owners[ByteText(account.accessKey)] = file.path
                }
            }
        }
    }

    /// Whether other rules are in force after it.
    mutating func look(now: Int64, logger: Logger) -> Bool {
        let paths: [String]
        do throws(SystemFailure) {
            paths = try places.files()
            listingFailed = false
        } catch {
            if !listingFailed { logger.error("\(places.folder) cannot be listed, its accounts stay in force: \(error)") }
            listingFailed = true
            return false
        }
        var isChanged = false
        for path in paths where settles(path) { isChanged = reload(path, now: now, logger) || isChanged }
        return removeMissing(paths, logger) || isChanged
    }

    /// Whether the file is another one than what is in force, and has been the same since the look before.
    private mutating func settles(_ path: String) -> Bool {
        let key = ByteText(path), stamp = FileStamp(path)
        let before = known.first { $0.file.path.isExactly(path) }
        if let before, before.stamp == stamp {
            refused[key] = nil
            return false
        }
        if let said = refused[key], said == stamp { return false }
        guard let stamp else { return true }
        return changing.updateValue(stamp, forKey: key) == stamp
    }

    private mutating func reload(_ path: String, now: Int64, _ logger: Logger) -> Bool {
        let stamp = FileStamp(path)
        do throws(AccountFileError) {
            let file = try Self.read(path)
            if file.isEmpty, known.contains(where: { $0.file.path.isExactly(path) && !$0.file.isEmpty }) {
                throw AccountFileError(path, "the file is empty; allowed: `accounts: []` for no accounts")
            }
            put(file, stamp, now: now, logger)
            logger.info("\(path) changed and is read again")
            return true
        } catch {
            refused.updateValue(stamp, forKey: ByteText(path))
            logger.error("\(error). What was read of this file before stays in force until it is put right")
            return false
        }
    }

    /// Forgets further files that were not there twice: an editor may take a file away for a moment.
    private mutating func removeMissing(_ paths: [String], _ logger: Logger) -> Bool {
        let gone = known.map(\.file.path).filter { !paths.containsExactly($0) }
        let before = missing
        missing = Set(texts: gone)
        var isChanged = false
        for path in gone {
            if path.isExactly(places.main) {
                if !before.contains(path) { logger.error("\(path) is gone; its accounts stay in force until it is there again. `accounts: []` in it withdraws them") }
            } else if before.contains(path) {
                known.removeAll { $0.file.path.isExactly(path) }
                logger.warning("\(path) is gone, and its accounts with it")
                isChanged = true
            }
        }
        return isChanged
    }
}
