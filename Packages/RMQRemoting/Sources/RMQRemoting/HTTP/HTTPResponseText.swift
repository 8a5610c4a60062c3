import RMQCommon

/// The bytes of an answer in HTTP/1.x.
///
///     HTTP/1.1 200 OK                     the status line
///     Content-Length: 12                  or Transfer-Encoding: chunked, or neither: then the body ends with the connection
///                                         an empty line
///     10.0.0.1:9876                       the body
enum HTTPResponseText {
    enum Reading: Equatable {
        case whole(HTTPGet.Response)
        /// More has to come.
        case incomplete
        case unreadable
    }

    /// - Parameter isEnded: nothing more will come.
    static func read(_ bytes: [UInt8], isEnded: Bool) -> Reading {
        guard let headEnd = endOfHead(bytes) else { return isEnded ? .unreadable : .incomplete }
        let lines = String(decoding: bytes[..<headEnd], as: UTF8.self).split(ascii: "\n").map(\.trimmedLikeJava)
        let words = (lines.first ?? "").split(ascii: " ")
        guard words.count >= 2, words[0].hasBytePrefix("HTTP/1."), let status = Int(words[1]) else { return .unreadable }
        let body = bytes[headEnd...]
        let headers = lines.dropFirst().compactMap { $0.cut(atFirst: ":") }
        func value(_ name: String) -> String? { headers.first { $0.before.isExactlyIgnoringCase(name) }?.after.trimmedLikeJava }
        if let coding = value("Transfer-Encoding"), coding.isExactlyIgnoringCase("chunked") {
            return joined(body).map { .whole(.init(status: status, body: $0)) } ?? (isEnded ? .unreadable : .incomplete)
        }
        if let length = value("Content-Length") {
            guard let count = Int(length), count >= 0 else { return .unreadable }
            guard body.count >= count else { return isEnded ? .unreadable : .incomplete }
            return .whole(.init(status: status, body: Array(body.prefix(count))))
        }
        return isEnded ? .whole(.init(status: status, body: Array(body))) : .incomplete
    }

    /// Where the body begins: behind the first empty line.
    private static func endOfHead(_ bytes: [UInt8]) -> Int? {
        var lineStart = 0
        for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
            if bytes[lineStart..<index].allSatisfy({ $0 == UInt8(ascii: "\r") }) { return index + 1 }
            lineStart = index + 1
        }
        return nil
    }

    /// The content of chunks, each `<size in hex>[;…]\r\n<bytes>\r\n`, the last one empty; nil when the last one is not there, or one is malformed.
    private static func joined(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
        var content: [UInt8] = []
        var rest = bytes
        while let lineEnd = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let line = String(decoding: rest[..<lineEnd], as: UTF8.self).trimmedLikeJava
            guard let count = Int(line.cut(atFirst: ";")?.before ?? line, radix: 16), count >= 0 else { return nil }
            if count == 0 { return content }
            rest = rest[(lineEnd + 1)...]
            guard count < rest.count - 1 else { return nil }
            content += rest.prefix(count)
            rest = rest.dropFirst(count + 2)   // the line end behind it
        }
        return nil
    }
}
