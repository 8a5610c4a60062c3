import RMQCommon
import RMQTestSupport
import Testing

@testable import RMQRemoting

@Suite(.takesTurns) struct PullTemplateTests {
    private static func header(_ random: inout SeededRandom) -> PullMessageHeader {
        let names = ["g", "größe", String(repeating: "t", count: 127), "%RETRY%g"]
        let expressions: [String?] = [nil, "*", "a || b", "x > 5 AND y = 'ü'"]
        return PullMessageHeader {
            $0.consumerGroup = names.randomElement(using: &random)!
            $0.topic = names.randomElement(using: &random)!
            $0.queueId = .random(in: .min ... .max, using: &random)
            $0.maxMessages = .random(in: .min ... .max, using: &random)
            $0.flags = PullFlags(rawValue: .random(in: 0...31, using: &random))
            $0.suspendTimeoutMillis = .random(in: .min ... .max, using: &random)
            $0.subscription = expressions.randomElement(using: &random)!
            $0.subscriptionVersion = .random(in: .min ... .max, using: &random)
            $0.expressionType = [nil, "TAG", "SQL92"].randomElement(using: &random)!
            $0.brokerName = [nil, "broker-a"].randomElement(using: &random)!
        }
    }

    private static func number(_ random: inout SeededRandom) -> Int64 {
        [0, 1, 9, 10, .max, .min, .random(in: 0...1_000_000, using: &random), .random(in: .min ... .max, using: &random)].randomElement(using: &random)!
    }

    /// What is written piece by piece is to the byte the command that is written as a whole.
    @Test func theFrameIsThatOfTheCommand() throws {
        var random = try SeededRandom.replayable(11)
        for _ in 0..<500 {
            let template = PullTemplate(Self.header(&random))
            #expect(!template.needsJSON)
            for _ in 0..<4 {
                let number = Int32.random(in: .min ... .max, using: &random)
                let place = PullTemplate.Place(offset: Self.number(&random), committed: Bool.random(using: &random) ? Self.number(&random) : nil)
                var command = template.command(place)
                command.opaque = number
                command.serialization = .rocketmq
                #expect(template.withFrame(number, place) { Array($0) } == command.encoded())
            }
        }
    }

    @Test func theCommandSaysWhatTheHeaderAndThePlaceSay() throws {
        var random = try SeededRandom.replayable(12)
        for _ in 0..<200 {
            var header = Self.header(&random)
            let place = PullTemplate.Place(offset: Self.number(&random), committed: Bool.random(using: &random) ? Self.number(&random) : nil)
            let asked = try PullTemplate(header).command(place).header(PullMessageHeader.self)
            header.queueOffset = place.offset
            header.commitOffset = place.committed ?? 0
            if place.committed == nil { header.flags.remove(.commitsOffset) } else { header.flags.insert(.commitsOffset) }
            #expect(asked == header)
        }
    }

    @Test func anEmptyTextNeedsJSON() {
        #expect(PullTemplate(PullMessageHeader {
            $0.consumerGroup = "g"
            $0.topic = "T"
            $0.subscription = ""
        }).needsJSON)
    }
}
