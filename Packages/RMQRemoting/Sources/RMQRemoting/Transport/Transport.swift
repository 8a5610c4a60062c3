public import Glibc

/// How the bytes of a channel travel over its socket: as they are, or inside of something (TLS).
///
///     ChannelProtocol ◄── plain bytes ──► Channel ◄── Transport ──► socket
///
/// A transport does system calls and no waiting: what it cannot do now it names with what to wait for. The channel owns the
/// descriptor and lends it for each call. Everything is called on the loop's thread, but for the writes of one that keeps nothing between them, and nothing
/// after ``shutdown(_:)``.
///
/// One that has to say hello first does so within these calls: a read may have to wait until the socket takes bytes, a write until
/// some arrive. What waits for something else than the socket has itself read from by ``ChannelHandle/goOn()``.
public protocol Transport: AnyObject {
    /// Called once, before all else.
    /// - Parameter channel: the one that reads and writes through this from now on.
    func begin(on channel: ChannelHandle)
    /// Whether bytes of the protocol can travel. One that says no at first reads ``TransportRead/opened`` when they can.
    var isOpen: Bool { get }
    /// Puts what has arrived into `buffer`, which is not empty.
    func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> TransportRead
    /// Writes bytes from the start of `parts`, at least one and none of them empty. After it was blocked, the next call begins
    /// with the same bytes, perhaps at another place and with more behind them.
    func write(_ descriptor: Int32, _ parts: UnsafeBufferPointer<iovec>) -> TransportWrite
    /// The channel closes its socket next: the place for last words.
    func shutdown(_ descriptor: Int32)
}

extension Transport {
    public func begin(on channel: ChannelHandle) {}
    public var isOpen: Bool { true }
}

/// What a read came to.
public enum TransportRead {
    /// No bytes yet, but from now on they can travel: the next read may bring some, and what was to be written may go.
    case opened
    /// So many bytes, at least one. `hasMore`: others were taken from the socket already, and no event will announce them.
    case bytes(Int, hasMore: Bool)
    /// Nothing until the socket is ready for this, or, when that is nothing, until the transport has the channel go on.
    case blocked(until: PollEvents)
    /// The peer sends no more.
    case ended
    /// An errno.
    case failed(code: Int32)
    /// What arrives makes no sense, or the peer is not to be spoken to: why, for whoever waits for the channel.
    case refused(reason: String)
    /// Nothing was taken; this transport reads and writes from now on. How the first byte of a connection decides.
    case replaced(by: any Transport)
}

/// What a write came to.
public enum TransportWrite {
    /// So many bytes, and it takes more.
    case written(Int)
    /// So many bytes, perhaps none, and no more until the socket is ready for this.
    case blocked(after: Int, until: PollEvents)
    /// An errno.
    case failed(code: Int32)
}

/// Makes the transport of one new channel, on its loop.
public typealias TransportMaker = @Sendable () -> any Transport
