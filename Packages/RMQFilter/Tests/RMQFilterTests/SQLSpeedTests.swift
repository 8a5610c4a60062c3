import RMQCommon
import RMQFilter
import RMQTestSupport
import Testing

/// How long an evaluation takes. Not a test: prints figures, and only when `RMQ_MEASURE` is set, in a release build on a machine that does
/// nothing else.
@Suite(.takesTurns, .enabled(if: Environment.value("RMQ_MEASURE") != nil)) struct SQLSpeedTests {
    /// What a producer's message has: nine properties, 190 bytes.
    private static let properties = Array(
        [
            "UNIQ_KEY\u{1}7F0000010A1418B4AAC2188CD4C20000", "WAIT\u{1}true", "TAGS\u{1}order-paid", "KEYS\u{1}order-20261127-000001",
            "CLUSTER\u{1}DefaultCluster",
            "price\u{1}21", "colour\u{1}red", "weight\u{1}3.75", "region\u{1}eu-west",
        ].joined(separator: "\u{2}").utf8)

    @Test(.runsAlone, arguments: [
        "price > 20 AND colour = 'red' AND region IN ('eu-west', 'eu-east')",
        "price > 20 AND weight < 4.0 AND region <> 'us'",
        "price > 21 AND colour = 'red' AND region IN ('eu-west', 'eu-east')",
        "price > 20",
        "TAGS IS NOT NULL",
        "absent = 'x'",
    ])
    func oneMessage(_ text: String) throws {
        let expression = try SQLExpression(text)
        let count = 2_000_000
        var best = Duration.seconds(1_000)
        var wanted = 0
        for _ in 0..<5 {
            let taken = Self.properties.withUnsafeBytes { properties in
                ContinuousClock().measure { for _ in 0..<count where expression.matches(properties) { wanted += 1 } }
            }
            best = min(best, taken)
        }
        print("\(text): \(nanoseconds(best) / count) ns, \(wanted > 0 ? "wanted" : "unwanted")")
    }

    @Test(.runsAlone) func compiling() throws {
        let text = "price > 20 AND colour = 'red' AND region IN ('eu-west', 'eu-east')"
        let count = 100_000
        let taken = try ContinuousClock().measure { for _ in 0..<count { _ = try SQLExpression(text) } }
        print("compiling: \(nanoseconds(taken) / count) ns")
    }

    private func nanoseconds(_ duration: Duration) -> Int {
        Int(duration.components.seconds) * 1_000_000_000 + Int(duration.components.attoseconds / 1_000_000_000)
    }
}
