import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// Every recorded frame of the reference means to us what an independent decoder saw in it.
@Suite(.takesTurns) struct GoldenFrameTests {
    @Test func recordingsAreThere() throws {
        #expect(try Golden.frames.count == 670 + 22 + 34)
    }

    @Test func framesDecodeToTheRecordedMeaning() throws {
        for golden in try Golden.frames {
            let command = try RemotingCommand.decode(frame: golden.content)
            expectMeaning(of: command, golden)
        }
    }

    @Test func reencodedFramesKeepTheirMeaning() throws {
        for golden in try Golden.frames {
            let command = try RemotingCommand.decode(frame: golden.content)
            let encoded = command.encoded()
            #expect(encoded.count == golden.frame.count, "\(golden.place)")
            let again = try RemotingCommand.decode(frame: Array(encoded.dropFirst(4)))
            #expect(again == command, "\(golden.place)")
            expectMeaning(of: again, golden)
        }
    }

    /// Field order is kept, so even the bytes are those of the reference.
    @Test func reencodedFramesHaveTheReferencesBytes() throws {
        for golden in try Golden.frames {
            let command = try RemotingCommand.decode(frame: golden.content)
            #expect(command.encoded() == golden.frame, "\(golden.place)")
        }
    }

    @Test func theOtherSerializationCarriesTheSame() throws {
        for golden in try Golden.frames {
            var command = try RemotingCommand.decode(frame: golden.content)
            command.serialization = command.serialization == .json ? .rocketmq : .json
            let again = try RemotingCommand.decode(frame: Array(command.encoded().dropFirst(4)))
            #expect(again.code == command.code && again.opaque == command.opaque && again.flag == command.flag)
            #expect(again.version == command.version && again.body == command.body, "\(golden.place)")
            #expect(again.remark == command.remark, "\(golden.place)")
            for field in command.fields ?? [:] where !field.value.isEmpty {
                #expect(again.fields?[field.name] == field.value, "\(golden.place)")
            }
        }
    }

    private func expectMeaning(of command: RemotingCommand, _ golden: GoldenFrame) {
        let header = golden.header
        #expect(command.code == header["code"]?.asInt32, "\(golden.place)")
        #expect(command.flag == header["flag"]?.asInt32, "\(golden.place)")
        #expect(command.opaque == header["opaque"]?.asInt32, "\(golden.place)")
        #expect(command.version == header["version"]?.asInt32, "\(golden.place)")
        #expect(command.remark == header["remark"]?.asString, "\(golden.place)")
        #expect(command.isResponse == golden.isResponse, "\(golden.place)")
        #expect(command.serialization == (golden.isJSON ? .json : .rocketmq), "\(golden.place)")
        switch header["language"] {
        case .string(let name)?: #expect(command.language.description == name, "\(golden.place)")
        case .integer(let code)?: #expect(Int64(command.language.rawValue) == code, "\(golden.place)")
        default: Issue.record("no language in \(golden.place)")
        }
        let recorded = header["extFields"]?.asObject?.members ?? []
        #expect(command.fields?.count ?? 0 == recorded.count, "\(golden.place)")
        for (name, value) in recorded {
            #expect(command.fields?[name.asString ?? ""] == value.asString, "\(golden.place)")
        }
        #expect(command.body.count == golden.bodyLength, "\(golden.place)")
        if let text = golden.bodyText {
            #expect(String(decoding: command.body, as: UTF8.self) == text, "\(golden.place)")
        }
    }
}
