import RMQCommon
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct RecordBatchTests {
    private func record(_ text: String, topic: String = "T", _ properties: MessageProperties, _ flag: SystemFlag = []) -> [UInt8] {
        MessageRecord.encode(StoredMessage(topic: topic, body: Array(text.utf8), properties: properties, systemFlag: flag))
    }

    @Test func neighboursKeepTheirOwnPropertiesAndShareTheRest() throws {
        let bytes = record("1", ["TAGS": "a", "KEYS": "k1 k2"]) + record("2", topic: "Other", [:]) + record("3", topic: "Other", ["MIN_OFFSET": "9"])
        let messages = try RecordBatch(bytes, decompressing: true, brokerName: "b", common: [("MIN_OFFSET", "4"), ("MAX_OFFSET", "7")]).messages
        #expect(messages.map(\.text) == ["1", "2", "3"])
        #expect(messages.map(\.topic) == ["T", "Other", "Other"])
        #expect(messages.map(\.brokerName) == ["b", "b", "b"])
        #expect(messages[0].properties == ["TAGS": "a", "KEYS": "k1 k2", "MIN_OFFSET": "4", "MAX_OFFSET": "7"])
        #expect(messages[0].tags == "a")
        #expect(messages[0].keys == ["k1", "k2"])
        #expect(messages[1].tags == nil)
        #expect(messages[1].properties.count == 2)
        // What the broker says counts more than what a producer wrote.
        #expect(messages[2].properties["MIN_OFFSET"] == "4")
        #expect(messages[2].properties.count == 2)
    }

    /// Properties that are bytes still answer as those that were read.
    @Test(arguments: ["a=b", "a=b;", "a=;c=d", "=b;x=y", "ab;c=d", "a=b=c", ";;a=b", "a=1;a=2", "a=1;a=", "", "aa=1;a=2"])
    func bytesAnswerLikeAList(text: String) throws {
        let properties = text.utf8.map { $0 == UInt8(ascii: "=") ? 1 : $0 == UInt8(ascii: ";") ? 2 : $0 }
        let list = MessageProperties(decoding: properties)
        var bytes = record("", [:])
        let lengthAt = bytes.count - 2
        bytes.replaceSubrange(lengthAt..<lengthAt + 2, with: [0, UInt8(properties.count)])
        bytes += properties
        bytes.replaceSubrange(0..<4, with: [0, 0, 0, UInt8(bytes.count)])
        let found = try #require(try RecordBatch(bytes, decompressing: true).messages.first).properties
        for name in ["a", "aa", "c", "x", "ab", "", "b"] { #expect(found[name] == list[name], "\(name)") }
        #expect(found == list)
        #expect(found.encoded() == list.encoded())
        #expect(found.map(\.name) == list.map(\.name))
        var changed = found
        changed["new"] = "value"
        changed["a"] = nil
        #expect(changed["new"] == "value")
        #expect(changed["a"] == nil)
        #expect(found == list, "a copy was changed, not this")
    }

    @Test func manyPropertiesDoNotShareOneMemory() throws {
        let messages = (0..<40).map { (text: "\($0)", value: String(repeating: "v", count: 1000) + "\($0)") }
        let batch = try RecordBatch(messages.flatMap { record($0.text, ["P": $0.value]) }, decompressing: true)
        #expect(batch.messages.map { $0.properties["P"] } == messages.map(\.value))
    }

    @Test func aBodyThatCannotBeRestoredIsAMatterOfItsMessage() throws {
        let bytes = record("1", [:]) + record("packed", [:], SystemFlag(rawValue: 0x401)) + record("3", [:])
        let batch = try RecordBatch(bytes, decompressing: true)
        #expect(batch.messages.map(\.text) == ["1", "packed", "3"])
        #expect(batch.unreadable.map(\.index) == [1])
        #expect(batch.unreadable.map(\.error) == [.unsupportedType(0x400)])
        #expect(try RecordBatch(bytes, decompressing: false).unreadable.isEmpty)
    }

    @Test func bytesThatAreNoRecordAreRefused() throws {
        let bytes = record("1", [:])
        #expect(throws: RecordError.truncated(needed: bytes.count, available: bytes.count - 1)) {
            try RecordBatch(bytes + bytes.dropLast(), decompressing: true)
        }
        #expect(try RecordBatch([], decompressing: true).messages.isEmpty)
    }
}
