import RMQCommon

/// Keys of the reference's store that this one does not act on, with what is true of it. What has no counterpart is shown as 0,
/// `false` or empty.
extension StoreConfiguration {
    static let withoutEffect: [Setting<Self>] =
        [
            .refused("duplicationEnable", only: "false", because: "Only a replica's log is copied from another broker's: `brokerRole=SLAVE`."),
            .refused("enableDLegerCommitLog", only: "false", because: "A group of brokers that elects its master is not built yet."),
        ] + transientPool
        + Setting.withoutEffect(
            because: "Consume queues go to the disk in rounds behind the log, at most once a second.",
            ["flushIntervalConsumeQueue": "0", "flushConsumeQueueLeastPages": "0", "flushConsumeQueueThoroughInterval": "0"])
        + Setting.withoutEffect(
            because: "It is part of a group of brokers that elects its master, which is not built yet.",
            [
                "storePathDLedgerCommitLog": "", "dLegerGroup": "", "dLegerPeers": "", "dLegerSelfId": "", "preferredLeaderId": "", "isEnableBatchPush": "false",
            ])
        + [.withoutEffect("enableBatchPush", because: "`isEnableBatchPush` of other releases.") { _ in nil }]
        + Setting.withoutEffect(
            because: "Delayed messages are delivered by one thread, which waits for nothing.",
            [
                "enableScheduleAsyncDeliver": "false", "scheduleAsyncDeliverMaxPendingLimit": "0",
                "scheduleAsyncDeliverMaxResendNum2Blocked": "0",
            ])
        + Setting.withoutEffect(because: "The append lock is always a mutex.", ["useReentrantLockWhenPutMessage": "true", "debugLockEnable": "false"])
        + Setting.withoutEffect(because: "The index never holds up the log.", ["putMsgIndexHightWater": "0"])
        + Setting.withoutEffect(because: "Recovery trusts the index by the log's own marks.", ["messageIndexSafe": "false"])

    /// They keep appends away from slow pages by a second copy in memory, which a crash loses. The pages of the log are made
    /// present ahead of the writer instead: the same promise, without the copy and the loss.
    private static let transientPool: [Setting<Self>] = Setting.withoutEffect(
        isTold: false, because: "The pages of the log are made present ahead of the writer instead: the same promise, without a second copy that a crash loses.",
        [
            "transientStorePoolEnable": "false", "transientStorePoolSize": "0", "fastFailIfNoBufferInStorePool": "false", "commitIntervalCommitLog": "0",
            "commitCommitLogLeastPages": "0", "commitCommitLogThoroughInterval": "0",
        ])
}
