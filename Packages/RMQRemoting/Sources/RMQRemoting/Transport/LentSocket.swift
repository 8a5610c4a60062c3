import Glibc

/// Who may have a channel's socket while the channel has nothing to write.
protocol SocketBorrower: AnyObject {
    /// The channel is to write by itself again, and nobody else may. What the others could not write goes into its output, which is empty.
    /// - Returns: whether they wrote anything.
    func takeBack() -> Bool
    /// The channel closes its socket as soon as this returns, so nobody may use it any more. Called from within other calls.
    func channelCloses()
}

/// A channel's socket, for others to write to until the channel takes it back.
struct LentSocket: Sendable {
    let descriptor: Int32
    let transport: any SharedTransport

    /// Writes two parts at once, the first of them not empty.
    /// - Returns: how many bytes are written; what is left is the channel's business, an error included.
    func write(_ start: UnsafeRawBufferPointer, _ end: UnsafeRawBufferPointer) -> Int {
        withUnsafeTemporaryAllocation(of: iovec.self, capacity: 2) { parts in
            parts[0] = iovec(iov_base: UnsafeMutableRawPointer(mutating: start.baseAddress), iov_len: start.count)
            parts[1] = iovec(iov_base: UnsafeMutableRawPointer(mutating: end.baseAddress), iov_len: end.count)
            switch transport.write(descriptor, UnsafeBufferPointer(rebasing: UnsafeBufferPointer(parts)[..<(end.isEmpty ? 1 : 2)])) {
            case .written(let count), .blocked(let count, _): return count
            case .failed: return 0
            }
        }
    }
}
