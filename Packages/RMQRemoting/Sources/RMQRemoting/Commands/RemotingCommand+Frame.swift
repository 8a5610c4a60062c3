// A command as the bytes of one frame; the drawing is at RemotingCommand.

extension RemotingCommand {
    /// The longest header that the 24 bits of the header word can announce.
    public static let longestHeader = 1 << 24 - 1

    /// The whole frame, length word included.
    public func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(256 + body.count)
        encode(into: &bytes)
        return bytes
    }

    /// Appends the whole frame, length word included.
    ///
    /// A remark and fields that make the header longer than ``longestHeader`` are left out: no frame could carry them.
    public func encode(into bytes: inout [UInt8]) {
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: 8))
        writeHeader(to: &bytes)
        var headerLength = bytes.count - start - 8
        if headerLength > Self.longestHeader {
            bytes.removeSubrange((start + 8)...)
            RemotingCommand(
                code: code, language: language, version: version, opaque: opaque, flag: flag,
                serialization: serialization
            ).writeHeader(to: &bytes)
            headerLength = bytes.count - start - 8
        }
        bytes.append(contentsOf: body)
        bytes.replaceWord(at: start, with: UInt32(truncatingIfNeeded: bytes.count - start - 4))
        bytes.replaceWord(at: start + 4, with: UInt32(serialization.rawValue) << 24 | UInt32(headerLength))
    }

    private func writeHeader(to bytes: inout [UInt8]) {
        switch serialization {
        case .json: JSONHeaderWriter.write(self, to: &bytes)
        case .rocketmq: BinaryHeader.write(self, to: &bytes)
        }
    }

    /// Reads a frame without its length word. The command owns all that it holds; `frame` may go away afterwards.
    public static func decode(frame: UnsafeRawBufferPointer) throws(FrameError) -> RemotingCommand {
        guard frame.count >= 4 else { throw .tooShort(bytes: frame.count) }
        let word = UInt32(bigEndian: frame.loadUnaligned(as: UInt32.self))
        let headerLength = Int(word & 0x00FF_FFFF)
        guard headerLength <= frame.count - 4 else {
            throw .headerTooLong(bytes: headerLength, available: frame.count - 4)
        }
        guard let serialization = HeaderSerialization(rawValue: UInt8(word >> 24)) else {
            throw .unknownSerialization(UInt8(word >> 24))
        }
        let header = UnsafeRawBufferPointer(rebasing: frame[4 ..< 4 + headerLength])
        return try decode(
            header: header, serialization: serialization,
            body: UnsafeRawBufferPointer(rebasing: frame[(4 + headerLength)...]))
    }

    /// Reads a frame whose header word has been read already.
    public static func decode(
        header: UnsafeRawBufferPointer, serialization: HeaderSerialization, body: UnsafeRawBufferPointer
    ) throws(FrameError) -> RemotingCommand {
        var command = switch serialization {
        case .json: try JSONHeaderReader.read(header)
        case .rocketmq: try BinaryHeader.read(header)
        }
        command.body = [UInt8](body)
        return command
    }

    /// As ``decode(frame:)-(UnsafeRawBufferPointer)``, from an array.
    public static func decode(frame: [UInt8]) throws(FrameError) -> RemotingCommand {
        let result = frame.withUnsafeBytes { bytes -> Result<RemotingCommand, FrameError> in
            do throws(FrameError) { return .success(try decode(frame: bytes)) } catch { return .failure(error) }
        }
        return try result.get()
    }
}

extension [UInt8] {
    fileprivate mutating func replaceWord(at place: Int, with value: UInt32) {
        withUnsafeMutableBytes { $0.storeBytes(of: value.bigEndian, toByteOffset: place, as: UInt32.self) }
    }
}
