import RMQCommon

/// The limits of one read. "On disk" is what lies further back than 40 % of the machine's memory.
public struct TransferLimits: Sendable, Equatable {
    /// `maxTransferBytesOnMessageInMemory`
    public var bytesInMemory = 262_144
    /// `maxTransferCountOnMessageInMemory`
    public var countInMemory = 32
    /// `maxTransferBytesOnMessageInDisk`
    public var bytesOnDisk = 65_536
    /// `maxTransferCountOnMessageInDisk`
    public var countOnDisk = 8
    /// `accessMessageInMemoryMaxRatio`, percent of physical memory.
    public var memoryPercent = 40

    public init() {}
}

extension TransferLimits {
    static let settings: [Setting<Self>] = [
        .number(
            "maxTransferBytesOnMessageInMemory", \.bytesInMemory, 1_024...8_388_608, unit: "bytes", takesEffect: .atOnce, important: true,
            "The most that one pull gets of what is in memory; a single message may be longer."),
        .number(
            "maxTransferCountOnMessageInMemory", \.countInMemory, 1...4_096, takesEffect: .atOnce, important: true,
            "The most messages that one pull gets of what is in memory."),
        .number(
            "maxTransferBytesOnMessageInDisk", \.bytesOnDisk, 1_024...8_388_608, unit: "bytes", takesEffect: .atOnce, important: true,
            "The most that one pull gets of what has to be read from the disk."),
        .number(
            "maxTransferCountOnMessageInDisk", \.countOnDisk, 1...4_096, takesEffect: .atOnce, important: true,
            "The most messages that one pull gets of what has to be read from the disk."),
        .number(
            "accessMessageInMemoryMaxRatio", \.memoryPercent, 1...100, unit: "%", takesEffect: .atOnce, important: true,
            "So much of the machine's memory, from the log's end back, counts as in memory."),
    ]
}
