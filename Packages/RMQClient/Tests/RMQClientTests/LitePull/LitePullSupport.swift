import RMQClient
import RMQCommon
import RMQTestSupport

extension LitePullConfiguration {
    /// Short intervals, so that tests need not wait for the product's; from the first message on.
    static func quick(_ adjust: (inout LitePullConfiguration) -> Void = { _ in }) -> LitePullConfiguration {
        var configuration = LitePullConfiguration()
        configuration.start = .first
        configuration.rebalanceInterval = .milliseconds(50)
        configuration.offsetPersistenceInterval = .milliseconds(20)
        configuration.errorDelay = .milliseconds(20)
        adjust(&configuration)
        return configuration
    }
}

/// Polls until so many messages came.
func texts(_ count: Int, from consumer: LitePullConsumer) async throws -> [String] {
    var texts: [String] = []
    try await eventually("\(count) messages") {
        texts += try await consumer.poll(timeout: .milliseconds(20)).map(\.text)
        return texts.count >= count
    }
    return texts
}
