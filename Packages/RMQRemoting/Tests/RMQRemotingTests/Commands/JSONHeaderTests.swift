import RMQTestSupport
import Testing

@testable import RMQRemoting

/// What other writers of JSON headers send, beside the exact form of the reference.
@Suite(.takesTurns) struct JSONHeaderTests {
    @Test func missingMembersTakeDefaults() throws {
        let command = try decode("{}")
        #expect(command.code == 0)
        #expect(command.flag == 0)
        #expect(command.version == 0)
        #expect(command.language == .java)
        #expect(command.remark == nil)
        #expect(command.fields == nil)
    }

    @Test func whiteSpaceAndOrderDoNotMatter() throws {
        let command = try decode(
            " { \"version\" : 409 ,\n\t\"code\":-5, \"extFields\" : { \"b\" : \"2\" , \"a\":\"1\" } , \"opaque\":7 } \r\n")
        #expect(command.code == -5)
        #expect(command.version == 409)
        #expect(command.opaque == 7)
        #expect(command.fields == ["a": "1", "b": "2"])
    }

    @Test(arguments: [
        #"{"code":"10","flag":2,"opaque":3}"#,
        #"{'code':10,'flag':2,'opaque':3}"#,
        #"{code:10,flag:2,opaque:3}"#,
        #"{"CODE":10,"Flag":2,"opaque":3,}"#,
        #"{"code":10,"flag":2,"opaque":3,"unknown":{"a":[1,2,{}]}}"#,
        #"{"remark":null,"code":10,"flag":2,"opaque":3,"extFields":null}"#,
        #"{"code":10.0,"flag":+2,"opaque":3L,"version":"","language":""}"#,
    ])
    func toleratedForms(_ header: String) throws {
        let command = try decode(header)
        #expect(command.code == 10)
        #expect(command.isOneway)
        #expect(command.opaque == 3)
        #expect(command.fields == nil)
    }

    @Test func languagesByNameAndNumber() throws {
        #expect(try decode(#"{"language":"CPP"}"#).language == .cpp)
        #expect(try decode(#"{"language":9}"#).language == .go)
        #expect(try decode(#"{"language":"KLINGON"}"#).language == .unknown)
        #expect(try decode(#"{"language":null}"#).language == .java)
        #expect(try decode(#"{"language":-1}"#).language == .unknown)
    }

    @Test func fieldValuesThatAreNotTexts() throws {
        let command = try decode(#"{"code":11,"extFields":{"n":12,"t":true,"z":null,"e":"","d":1.5}}"#)
        #expect(command.fields == ["n": "12", "t": "true", "e": "", "d": "1.5"])
    }

    @Test func escapes() throws {
        let text = "q\" b\\ / \u{8}\u{C}\n\r\t \u{1}\u{2}\u{1F} \u{7F}\u{80}\u{9F}\u{2028}\u{2029} é 中 😀"
        var command = RemotingCommand(.sendMessage)
        command.remark = text
        command.fields = ["p": text]
        let encoded = command.encoded()
        let again = try RemotingCommand.decode(frame: Array(encoded.dropFirst(4)))
        #expect(again == command)
        let header = String(decoding: encoded.dropFirst(8), as: UTF8.self)
        #expect(header.contains(#"q\" b\\ / \b\f\n\r\t \u0001\u0002\u001F \u007F\u0080\u009F\u2028\u2029 é 中 😀"#))
        #expect(try decode(#"{"remark":"\u00e9\/\u4e2d\ud83d\ude00"}"#).remark == "é/中😀")
    }

    @Test func lastOfTwoEqualFieldsCounts() throws {
        #expect(try decode(#"{"extFields":{"a":"1","a":"2"}}"#).fields?["a"] == "2")
    }

    /// The control characters behind a header are passed over on the quick way too: a client that sends them does so every time.
    @Test("Case 2.5: a mark before, NULs behind and comments within a header", arguments: [
        ("\u{FEFF}◊", false), ("◊\u{0}\u{0}", true), ("◊\u{0} \n\u{1F}", true), ("/* x */◊// y", false), (" \t◊\r\n", true), ("\u{0}◊", false),
    ]) func textAroundAHeaderIsPassedOver(form: String, isQuick: Bool) throws {
        let header = form.replacing("◊", with: #"{"code":10,"opaque":3,"extFields":{"a":"1"}}"#)
        let command = try decode(header)
        #expect(command.code == 10)
        #expect(command.opaque == 3)
        #expect(command.fields == ["a": "1"])
        let scratch = HeaderScratch()
        let scanned = Array(header.utf8).withUnsafeBytes { HotJSON.scan($0, fields: scratch.fields) }
        #expect((scanned?.code == 10) == isQuick)
    }

    private func decode(_ header: String) throws -> RemotingCommand {
        let count = UInt32(header.utf8.count)
        return try RemotingCommand.decode(frame: withUnsafeBytes(of: count.bigEndian) { Array($0) } + header.utf8)
    }
}
