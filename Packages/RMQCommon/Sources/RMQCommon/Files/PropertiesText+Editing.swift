extension PropertiesText {
    /// Changes the values of some keys in the bytes of a file, and nothing else: comments, order, blanks around the `=`, line ends.
    ///
    /// Of a key that is there twice the last one is changed, because that is the one that counts. A key that is not there is added
    /// at the end, with the line end that the file has.
    public static func replacing(_ values: some Sequence<(key: String, value: String)>, in file: [UInt8]) -> [UInt8] {
        var bytes = file
        for (key, value) in values {
            let (lines, isUnfinished) = logicalLines(bytes)
            if let line = lines.last(where: { parse([UInt8](bytes[$0])).first.map { $0.key.utf8.elementsEqual(key.utf8) } ?? false }) {
                bytes.replaceSubrange(line, with: beginning(of: bytes[line], key: key) + escaped(value).utf8)
            } else {
                let end = lineEnd(of: bytes)
                if !bytes.isEmpty, !endsLine(bytes) { bytes += end }
                if isUnfinished { bytes += end }
                bytes += Array("\(key)=\(escaped(value))".utf8) + end
            }
        }
        return bytes
    }

    private static let lineFeed = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")
    private static let backslash = UInt8(ascii: "\\")

    /// Where the lines that hold pairs lie, without their line ends; one that a backslash continues goes to its real end.
    /// - Returns: `isUnfinished` when the last one ends in a backslash, so that what came behind it would belong to it.
    private static func logicalLines(_ bytes: [UInt8]) -> (lines: [Range<Int>], isUnfinished: Bool) {
        var lines: [Range<Int>] = []
        /// Where a line began that goes on, and where it ends so far.
        var open: Range<Int>?
        var position = bytes.starts(with: byteOrderMark) ? byteOrderMark.count : 0
        while position < bytes.count {
            let end = bytes[position...].firstIndex(where: isLineEnd) ?? bytes.count
            let first = bytes[position..<end].first { !isBlank($0) }
            if open != nil || !(first == nil || first == UInt8(ascii: "#") || first == UInt8(ascii: "!")) {
                let line = (open?.lowerBound ?? position)..<end
                let isContinued = !bytes[position..<end].reversed().prefix { $0 == backslash }.count.isMultiple(of: 2)
                open = isContinued ? line : nil
                if !isContinued { lines.append(line) }
            }
            let isPair = end + 1 < bytes.count && bytes[end] == carriageReturn && bytes[end + 1] == lineFeed
            position = end + (isPair ? 2 : 1)
        }
        return (lines + (open.map { [$0] } ?? []), open != nil)
    }

    /// A line's bytes up to its value; `key=` when they cannot be told from a key that itself goes over several lines.
    private static func beginning(of line: ArraySlice<UInt8>, key: String) -> [UInt8] {
        var end = line.firstIndex { !isBlank($0) } ?? line.startIndex
        while end < line.endIndex, !isBlank(line[end]), !isSeparator(line[end]) {
            if line[end] == backslash, end + 1 < line.endIndex, isLineEnd(line[end + 1]) { return Array("\(key)=".utf8) }
            end += line[end] == backslash ? 2 : 1
        }
        guard end < line.endIndex else { return Array(line) + [UInt8(ascii: "=")] }
        while end < line.endIndex, isBlank(line[end]) { end += 1 }
        if end < line.endIndex, isSeparator(line[end]) { end += 1 }
        while end < line.endIndex, isBlank(line[end]) { end += 1 }
        return Array(line[..<end])
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0C }
    private static func isSeparator(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "=") || byte == UInt8(ascii: ":") }

    private static func isLineEnd(_ byte: UInt8) -> Bool { byte == lineFeed || byte == carriageReturn }

    private static func endsLine(_ bytes: [UInt8]) -> Bool { bytes.last.map(isLineEnd) ?? false }

    /// The first line's end; a line feed where there is none.
    private static func lineEnd(of bytes: [UInt8]) -> [UInt8] {
        guard let end = bytes.firstIndex(where: isLineEnd), bytes[end] == carriageReturn else { return [lineFeed] }
        return end + 1 < bytes.count && bytes[end + 1] == lineFeed ? [carriageReturn, lineFeed] : [carriageReturn]
    }

    /// A value as it stands in a file that Java reads as ISO 8859-1.
    private static func escaped(_ value: String) -> String {
        var text = ""
        for unit in value.utf16 {
            switch unit {
            case 0x20 where text.isEmpty: text += "\\ "
            case 0x5C: text += "\\\\"
            case 0x20...0x7E: text.unicodeScalars.append(Unicode.Scalar(UInt8(unit)))
            default: text += "\\u" + String(repeating: "0", count: 4 - String(unit, radix: 16).utf8.count) + String(unit, radix: 16)
            }
        }
        return text
    }
}
