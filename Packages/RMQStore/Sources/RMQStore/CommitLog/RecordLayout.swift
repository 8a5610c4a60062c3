/// Where the fields of a stored record stand. Big endian; B and S are 8 bytes for an IPv4 host, 20 for an IPv6 one.
///
///     0     4      8    12     16    20       28      36       40     48       48+B    56+B     56+B+S
///     +-----+-------+-----+------+-----+--------+-------+--------+------+-------+-------+--------+- - -
///     |size | magic | crc |queue |flag |queue   |physic.|system  |born  |born   |store  |store   |
///     |     |       |     |id    |     |offset  |offset |flag    |time  |host   |time   |host    |
///     +-----+-------+-----+------+-----+--------+-------+--------+------+-------+-------+--------+- - -
///
///     56+B+S      60+B+S      68+B+S   72+B+S
///     +-----------+-----------+--------+------+---+-------+-----+------------+
///     |reconsumed |prepared   |body    | body |len| topic | len | properties |
///     |times (4)  |offset (8) |len (4) |      |(1)|       | (2) |            |
///     +-----------+-----------+--------+------+---+-------+-----+------------+
///
/// A segment ends with a filler of at least 8 bytes: i32 the bytes left, i32 `fillerMagic`. So a record of L bytes may
/// start only where L + 8 bytes are left. The checksum covers the body only.
package enum RecordLayout {
    package static let magic = Int32(bitPattern: 0xDAA3_20A7)
    package static let fillerMagic = Int32(bitPattern: 0xCBD4_3194)
    package static let fillerByteCount = 8

    package static let magicPosition = 4
    package static let bodyChecksumPosition = 8
    package static let queueIdPosition = 12
    package static let flagPosition = 16
    package static let queueOffsetPosition = 20
    package static let physicalOffsetPosition = 28
    package static let systemFlagPosition = 36
    package static let bornTimestampPosition = 40
    package static let bornHostPosition = 48

    /// All fields but the hosts, body, topic and properties.
    package static let fixedByteCount = 75
    package static let maxTopicBytes = 127
    package static let maxPropertiesBytes = 32_767

    /// What a record can have beside its body: fields, IPv6 hosts, topic, properties.
    static let mostBytesBesideBody = fixedByteCount + 2 * 20 + maxTopicBytes + maxPropertiesBytes

    package static let transactionMask: Int32 = 0x00C
    package static let prepared: Int32 = 0x004
    package static let committed: Int32 = 0x008
    package static let bornHostIPv6: Int32 = 0x010
    package static let storeHostIPv6: Int32 = 0x020

    package static func bornHostBytes(_ systemFlag: Int32) -> Int { systemFlag & bornHostIPv6 != 0 ? 20 : 8 }
    package static func storeHostBytes(_ systemFlag: Int32) -> Int { systemFlag & storeHostIPv6 != 0 ? 20 : 8 }
    package static func storeTimestampPosition(_ systemFlag: Int32) -> Int { bornHostPosition + bornHostBytes(systemFlag) }
    static func bodyLengthPosition(_ systemFlag: Int32) -> Int { storeTimestampPosition(systemFlag) + 8 + storeHostBytes(systemFlag) + 12 }

    /// Prepared and rolled-back messages take no place in a consume queue.
    package static func entersQueue(_ systemFlag: Int32) -> Bool {
        let transaction = systemFlag & transactionMask
        return transaction == 0 || transaction == committed
    }
}
