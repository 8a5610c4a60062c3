import RMQCommon

@testable import RMQRemoting

/// A protocol that has nothing to do with RocketMQ: lines, each answered with a line.
///
///     text ─► TEXT      bytes 1000 ─► 1,000 times `x`      quit ─► bye, and the end      drop ─► the end
final class LineProtocol: ChannelProtocol {
    private unowned let channel: Channel
    private let service: LineService

    init(_ channel: Channel, _ service: LineService) {
        self.channel = channel
        self.service = service
    }

    func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
        var used = 0
        while channel.takesMore, let end = bytes[used...].firstIndex(of: UInt8(ascii: "\n")) {
            answer(Array(bytes[used..<end]))
            used = end + 1
        }
        return used
    }

    func channelClosed() { service.log.closed.add(1) }

    private func answer(_ line: [UInt8]) {
        service.log.lines.add(1)
        service.linesOfWakeUp += 1
        if line.starts(with: "bytes ".utf8) {
            let count = Int(String(decoding: line.dropFirst(6), as: UTF8.self)) ?? 0
            let block = Block(count)
            channel.write(block.bytes, keeping: block)
            channel.write([UInt8(ascii: "\n")])
        } else if line.elementsEqual("quit".utf8) {
            channel.write(Array("bye\n".utf8))
            channel.finish()
        } else if line.elementsEqual("drop".utf8) {
            channel.close()
        } else {
            channel.write(line.map { $0 >= 0x61 && $0 <= 0x7A ? $0 - 0x20 : $0 } + [UInt8(ascii: "\n")])
        }
    }

    /// Memory that is written from where it is.
    private final class Block: Sendable {
        nonisolated(unsafe) let bytes: UnsafeRawBufferPointer

        init(_ count: Int) {
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
            memory.initializeMemory(as: UInt8.self, repeating: UInt8(ascii: "x"))
            bytes = UnsafeRawBufferPointer(memory)
        }

        deinit { bytes.deallocate() }
    }
}

/// The lines of one loop.
final class LineService: ChannelService {
    /// What the tests look at.
    struct Log: Sendable {
        let lines = SharedCount()
        let closed = SharedCount()
        /// Wake-ups that brought lines.
        let batches = SharedCount()
    }
    let log: Log
    var linesOfWakeUp = 0

    init(_ log: Log) { self.log = log }

    func makeProtocol(for channel: Channel) -> any ChannelProtocol { LineProtocol(channel, self) }

    func wakeUpEnded() {
        if linesOfWakeUp > 0 { log.batches.add(1) }
        linesOfWakeUp = 0
    }
}
