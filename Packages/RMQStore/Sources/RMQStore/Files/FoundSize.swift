import RMQCommon

/// How long files are made, when those that are there have another length than the configured one.
///
/// They win: a key may have been misspelled, or changed its name between two releases, and other files beside them would be of
/// no use to anybody. The configured length only decides for a store without files.
enum FoundSize {
    /// - Parameter lengths: of all files that may be whole, in bytes.
    /// - Returns: what most of them have. A single one that is shorter than configured and than 2,000 bytes was cut off.
    static func decide(_ lengths: some Sequence<Int64>, configured: Int) -> Int {
        var counts: [Int64: Int] = [:]
        for length in lengths where length > 0 { counts[length, default: 0] += 1 }
        let votes = counts[Int64(configured)] ?? 0
        guard let most = counts.max(by: { ($0.value, $0.key) < ($1.value, $1.key) }), most.value > votes else { return configured }
        return most.value > 1 || most.key > configured || most.key >= shortestFile ? Int(most.key) : configured
    }

    /// A file cut off to less must not have the store make thousands of such.
    private static let shortestFile = 2000

    static func warn(_ logger: Logger, _ what: String, found: Int, configured: Int, key: String) {
        logger.warning("the \(what) files that are there have \(found) bytes, \(key) says \(configured): going on with \(found)")
    }
}
