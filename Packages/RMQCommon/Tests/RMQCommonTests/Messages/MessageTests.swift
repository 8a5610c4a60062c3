import RMQCommon
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct MessagePropertiesTests {
    @Test(arguments: [
        ("a=b", ["a": "b"]), ("a=b;", ["a": "b"]), ("a=;c=d", ["c": "d"]), ("a=", [:]), ("=b;x=y", ["x": "y"]), ("ab;c=d", ["c": "d"]),
        ("a=b=c", ["a": "b\u{1}c"]), (";;a=b", ["a": "b"]), ("a=1;a=2", ["a": "2"]), ("", [:]),
    ] as [(String, [ByteText: String])])
    func textIsReadAsTheReferenceDoes(text: String, expected: [ByteText: String]) {
        let bytes = text.utf8.map { $0 == UInt8(ascii: "=") ? 1 : $0 == UInt8(ascii: ";") ? 2 : $0 }
        #expect(MessageProperties(decoding: bytes).dictionary == expected)
    }

    @Test func writingKeepsOrderAndEmptyValues() {
        var properties: MessageProperties = ["KEYS": "k1", "empty": "", "TAGS": "日本"]
        properties["KEYS"] = "k2"
        properties["gone"] = "x"
        properties["gone"] = nil
        #expect(properties.text == "KEYS\u{1}k2\u{2}empty\u{1}\u{2}TAGS\u{1}日本")
        #expect(MessageProperties(decoding: properties.encoded()) == ["TAGS": "日本", "KEYS": "k2"])
    }

    @Test func manyAndRepeatedNamesStayCheapAndTheLastWins() {
        let text = (0 ..< 6_000).map { "n\($0 % 3_000)\u{1}\($0)" }.joined(separator: "\u{2}")
        let properties = MessageProperties(decoding: [UInt8](text.utf8))
        #expect(properties.count == 3_000)
        #expect(properties["n0"] == "3000")
        #expect(properties["n2999"] == "5999")
    }
}

@Suite(.takesTurns) struct MessageRecordTests {
    static let v4 = """
        000000C4DAA320A769C865ED000000010000000000000000000000070000000000001000000000000000018BCFE56800C0A8000A0000D431\
        0000018BCFE5687BC0A8000100002A9F0000000000000000000000000000000E48656C6C6F20526F636B65744D5109546F70696354657374\
        00524B455953016B3102554E49515F4B455901433041383030304133303339313842344141433234374237363030303030303102434C5553\
        5445520144656661756C74436C757374657202544147530154616741
        """
    static let v6 = """
        00000093DAA320A769C865ED000000010000000000000000000000080000000000002000000000300000018BCFE5680020010DB800000000\
        00000000000000100000D4310000018BCFE5687B20010DB800000000000000000000000100002A9F0000000000000000000000000000000E\
        48656C6C6F20526F636B65744D5109546F706963546573740009544147530154616741
        """

    @Test func recordWithIPv4Hosts() throws {
        let bytes = try hex(Self.v4)
        let message = try #require(try MessageRecord.decodeAll(bytes, decompressing: true).first)
        #expect(message.topic == "TopicTest")
        #expect(message.text == "Hello RocketMQ")
        #expect(message.queueId == 1)
        #expect(message.queueOffset == 7)
        #expect(message.physicalOffset == 4096)
        #expect(message.storeSize == 196)
        #expect(message.bodyCRC == 1_774_740_973)
        #expect(message.bornTimestamp == 1_700_000_000_000)
        #expect(message.bornHost.description == "192.168.0.10:54321")
        #expect(message.storeTimestamp == 1_700_000_000_123)
        #expect(message.storeHost.description == "192.168.0.1:10911")
        #expect(message.tags == "TagA")
        #expect(message.keys == ["k1"])
        #expect(message.properties["CLUSTER"] == "DefaultCluster")
        #expect(message.messageId == "C0A8000A303918B4AAC247B760000001")
        #expect(message.offsetMessageId == "C0A8000100002A9F0000000000001000")
        #expect(MessageRecord.encode(message) == bytes)
    }

    @Test func recordWithIPv6Hosts() throws {
        let bytes = try hex(Self.v6)
        let message = try #require(try MessageRecord.decodeAll(bytes, decompressing: true).first)
        #expect(message.bornHost.description == "[2001:db8::10]:54321")
        #expect(message.storeHost.description == "[2001:db8::1]:10911")
        #expect(message.systemFlag == [.bornHostIPv6, .storeHostIPv6])
        #expect(message.queueOffset == 8)
        #expect(message.offsetMessageId == "20010DB800000000000000000000000100002A9F0000000000002000")
        #expect(MessageRecord.encode(message) == bytes)
        #expect(MessageRecord.bodyLengthOffset(message.systemFlag) == 84 + 24)
    }

    @Test func severalRecordsFollowEachOther() throws {
        let bytes = try hex(Self.v4) + hex(Self.v6)
        #expect(try MessageRecord.decodeAll(bytes, decompressing: false).map(\.queueOffset) == [7, 8])
        #expect(throws: RecordError.truncated(needed: 147, available: 146)) {
            try MessageRecord.decodeAll([UInt8](bytes.dropLast()), decompressing: false)
        }
    }

    @Test func compressedBodiesAreRestoredOnDemand() throws {
        let body = [UInt8](repeating: UInt8(ascii: "a"), count: 5000)
        let packed = try Zlib.compress(body, level: 5)
        for flag in [SystemFlag.zlibBody, SystemFlag.compressed] {
            let bytes = MessageRecord.encode(StoredMessage(topic: "T", body: packed, systemFlag: flag))
            #expect(try MessageRecord.decodeAll(bytes, decompressing: true).first?.body == body)
            #expect(try MessageRecord.decodeAll(bytes, decompressing: false).first?.body == packed)
        }
        let unknown = MessageRecord.encode(StoredMessage(topic: "T", body: packed, systemFlag: SystemFlag(rawValue: 0x401)))
        #expect(throws: RecordError.compression(.unsupportedType(0x400))) { try MessageRecord.decodeAll(unknown, decompressing: true) }
    }

    @Test func anyMutationIsReadOrRefused() throws {
        let original = try hex(Self.v4)
        for position in original.indices {
            for value in [0, 1, 0x7F, 0x80, 0xFF] as [UInt8] {
                var bytes = original
                bytes[position] = value
                _ = try? MessageRecord.decodeAll(bytes, decompressing: true)
            }
            _ = try? MessageRecord.decodeAll([UInt8](original[..<position]), decompressing: true)
        }
        #expect(throws: RecordError.badMagic(0xCBD4_3194)) { try MessageRecord.decodeAll(hex("0000005BCBD43194") + [UInt8](repeating: 0, count: 83), decompressing: false) }
    }
}

@Suite(.takesTurns) struct BatchBodyTests {
    @Test func entriesRoundTrip() throws {
        let messages = [
            Message(topic: "T", text: "one", tags: "A", flag: 5), Message(topic: "T", body: []),
            Message(topic: "T", text: "three", keys: ["k1", "k2"]),
        ]
        let bytes = try BatchBody.encode(messages)
        #expect(try bytes.prefix(30) == hex("0000001F 00000000 00000000 00000005 00000003 6F6E65 0006 544147530141")[..<30])
        #expect(try BatchBody.decode(bytes, topic: "T") == messages)
    }

    @Test func badBatchesAreRefused() throws {
        #expect(throws: BatchError.empty) { try BatchBody.encode([]) }
        #expect(throws: BatchError.differentTopics("A", "B")) {
            try BatchBody.encode([Message(topic: "A", body: []), Message(topic: "B", body: [])])
        }
        let bytes = try BatchBody.encode([Message(topic: "T", text: "one")])
        for count in 1 ..< bytes.count {
            #expect(throws: BatchError.malformedEntry(index: 0)) { try BatchBody.decode([UInt8](bytes[..<count]), topic: "T") }
        }
        var negative = bytes
        negative[16] = 0xFF
        #expect(throws: BatchError.malformedEntry(index: 0)) { try BatchBody.decode(negative, topic: "T") }
    }
}

@Suite(.takesTurns) struct MessageIdTests {
    @Test(arguments: [
        ("192.168.0.1:10911", Int64(4096), "C0A8000100002A9F0000000000001000"),
        ("[2001:db8::1]:10911", 4096, "20010DB800000000000000000000000100002A9F0000000000001000"),
    ])
    func offsetIds(host: String, offset: Int64, text: String) throws {
        let id = OffsetMessageId(storeHost: try #require(HostAddress(host)), physicalOffset: offset)
        #expect(id.text == text)
        #expect(OffsetMessageId(text) == id)
        #expect(OffsetMessageId(text.lowercased()) == id)
        #expect(OffsetMessageId(String(text.dropLast(2))) == nil)
        #expect(OffsetMessageId("Z" + text.dropFirst()) == nil)
    }

    @Test func uniqueIdsOfTheReference() throws {
        let v4 = UniqueId(ip: [192, 168, 0, 10], processId: 12345, processWord: 0x18B4_AAC2, timeOffset: 1_203_200_000, counter: 1)
        #expect(v4.text == "C0A8000A303918B4AAC247B760000001")
        #expect(UniqueId(v4.text) == v4)
        let v6 = try #require(UniqueId("20010DB8000000000000000000000010ABCD18B4AAC247B76000FFFF"))
        #expect(v6.processId == 43981)
        #expect(v6.counter == 65535)
        #expect(v6.ip.count == 16)
        #expect(v6.timeOffset == 1_203_200_000)
    }

    @Test func madeIdsDifferAndTellTheirTime() throws {
        let before = WallClock.nowMilliseconds()
        let ids = (0 ..< 10_000).map { _ in UniqueId.make() }
        #expect(Set(ids).count == ids.count)
        let time = try #require(UniqueId(ids[0])).time(now: WallClock.nowMilliseconds() + 1)
        #expect(time >= before - 1)
        #expect(time <= WallClock.nowMilliseconds())
    }

    @Test func flagsAreReadFieldByField() {
        var flag = SystemFlag.zlibBody
        #expect(flag.contains(.compressed))
        #expect(flag.compression == .zlib)
        #expect(flag.transactionKind == .none)
        flag.transactionKind = .commit
        #expect(flag.rawValue == 0x309)
        flag.compression = .lz4
        #expect(flag.rawValue == 0x109)
        #expect(SystemFlag(rawValue: 0x500).compression == nil)
    }
}
