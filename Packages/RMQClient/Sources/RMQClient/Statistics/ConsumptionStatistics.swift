public import RMQCommon

/// What a consumer did with one topic in the last minute. Samples are taken every ten seconds, so what is new shows after that.
public struct ConsumptionStatistics: Sendable, Hashable {
    /// Messages that it pulled a second.
    public var pulledPerSecond = 0.0
    /// How long a pull took that found messages, on the average.
    public var pullTime = Duration.zero
    /// Messages a second that were consumed.
    public var consumedPerSecond = 0.0
    /// How long a handler ran, on the average; that of the last hour when none took a millisecond in the last minute.
    public var handlerTime = Duration.zero
    /// Messages a second that handlers failed to consume.
    public var failedPerSecond = 0.0
    /// Messages that handlers failed to consume in the last hour.
    public var failedInHour: Int64 = 0
}

extension ConsumerMember {
    /// The statistics of every topic that the consumer subscribes to.
    func consumptionStatistics(_ statistics: ClientStatistics) -> [ByteText: ConsumptionStatistics] {
        var table: [ByteText: ConsumptionStatistics] = [:]
        for topic in subscribedTopics { table[topic] = statistics.consumption(topic: topic, group: group) }
        return table
    }
}

extension PushConsumer {
    /// What this consumer did in the last minute, by topic.
    public func statistics() -> [ByteText: ConsumptionStatistics] { consumptionStatistics(core.statistics) }
}
