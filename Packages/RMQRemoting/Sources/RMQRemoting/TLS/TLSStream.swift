import CRMQSystem
import Glibc
import RMQCommon

/// TLS over a connected socket, by the thread that uses it: for programs that measure servers and are no server themselves.
public final class TLSStream {
    /// What a read or a write came to.
    public enum Outcome {
        /// So many bytes.
        case bytes(Int)
        /// Nothing until the socket is ready.
        case blocked
        /// The peer is gone, or what it sends makes no sense.
        case ended(reason: String)
    }

    private let session: TLSSession
    private let descriptor: Int32
    /// Sealed bytes of the last write that are not reported yet.
    private var sealedBytes = 0

    /// Shakes hands, and waits for that.
    /// - Parameters:
    ///   - descriptor: of a socket that does not block; the caller's before and after.
    ///   - server: as the certificate has to name it.
    public init(over descriptor: Int32, to server: String, client: TLSClient) throws(TLSError) {
        self.descriptor = descriptor
        session = client.session(with: server)
        try shakeHands()
    }

    private func shakeHands() throws(TLSError) {
        while true {
            let step = session.shakeHands()
            guard case .done = session.pipe.send(descriptor) else { throw .handshake(reason: "the socket takes nothing") }
            switch step {
            case .open: return
            case .failed(let reason): throw .handshake(reason: reason)
            case .wantsMore: break
            }
            guard crmq_wait_readable(descriptor, HandshakeDesk.timeLimit.nanoseconds) == 1, case .bytes = session.pipe.receive(descriptor, atMost: 65_536) else {
                throw .handshake(reason: "the server ended it")
            }
        }
    }

    /// Reads what has arrived, until `place` is full.
    public func read(into place: UnsafeMutableRawBufferPointer) -> Outcome {
        if !session.hasMore {
            switch session.pipe.receive(descriptor, atMost: RecordBuffers.byteCount) {
            case .bytes: break
            case .blocked: return .blocked
            case .ended: return .ended(reason: "the server closed the connection")
            case .failed(let code): return .ended(reason: SystemFailure.reason(code))
            }
        }
        var count = 0
        while count < place.count {
            switch session.read(into: UnsafeMutableRawBufferPointer(rebasing: place[count...])) {
            case .bytes(let more):
                count += more
                if !session.hasMore { return .bytes(count) }
            case .ended: return count > 0 ? .bytes(count) : .ended(reason: "the server closed the connection")
            case .failed(let reason): return .ended(reason: reason)
            case .wantsMore: return count > 0 ? .bytes(count) : .blocked
            }
        }
        return .bytes(count)
    }

    /// Whether bytes wait that the socket does not know of any more.
    public var hasMore: Bool { session.hasMore }

    /// Writes some of `bytes`, at least one; after it was blocked, the next call has to begin with the same.
    public func write(_ bytes: UnsafeRawBufferPointer) -> Outcome {
        if sealedBytes == 0 {
            let some = UnsafeRawBufferPointer(rebasing: bytes.prefix(RecordBuffers.byteCount))
            if let reason = session.seal(some) { return .ended(reason: reason) }
            sealedBytes = some.count
        }
        switch session.pipe.send(descriptor) {
        case .blocked: return .blocked
        case .failed(let code): return .ended(reason: SystemFailure.reason(code))
        case .done:
            defer { sealedBytes = 0 }
            return .bytes(sealedBytes)
        }
    }
}
