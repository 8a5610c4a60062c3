import RMQClient
import RMQCommon

/// What the commands share that send messages to measure how long that takes.
enum SendTrial {
    /// Bytes of a body: what brokers take.
    static let sizes = 1...4_194_304

    /// A message of so many characters.
    static func message(_ topic: String, size: Int) -> Message { Message(topic: topic, text: String(repeating: "a", count: size)) }
}

/// How long sends take on average, without the first one, which had to find the route.
struct SendAverage {
    private var sum: Int64 = 0
    private(set) var count = 0

    mutating func add(_ milliseconds: Int64) {
        if count > 0 { sum += milliseconds }
        count += 1
    }

    /// NaN of a single send, as in the reference.
    var milliseconds: Double { Double(sum) / Double(count - 1) }
}
