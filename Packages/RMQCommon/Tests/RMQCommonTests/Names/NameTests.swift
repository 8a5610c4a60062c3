import RMQCommon
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct NameTests {
    @Test(arguments: ["T", "%RETRY%g", "a-b_c|d%9", "TBW102"])
    func goodNames(name: String) throws { #expect(try TopicName(name).text == name) }

    @Test(arguments: ["", "  ", "a b", "../..", "a/b", "a.b", "日本", "a\u{0}", "a\n", String(repeating: "t", count: 128)])
    func namesThatAreNotSafeAreRefused(name: String) { #expect(throws: NameError.self) { try TopicName(name) } }

    @Test func lengthLimitsDiffer() throws {
        _ = try TopicName(String(repeating: "t", count: 127))
        _ = try GroupName(String(repeating: "g", count: 255))
        #expect(throws: NameError.tooLong(bytes: 256, limit: 255)) { try GroupName(String(repeating: "g", count: 256)) }
    }

    @Test(arguments: [
        ("T", "ns%T", "T"), ("%RETRY%G", "%RETRY%ns%G", "%RETRY%G"), ("%DLQ%G", "%DLQ%ns%G", "%DLQ%G"), ("ns%T", "ns%T", "T"),
        ("nsx%T", "ns%nsx%T", "nsx%T"), ("TBW102", "TBW102", "TBW102"), ("rmq_sys_x", "rmq_sys_x", "rmq_sys_x"),
        ("CID_RMQ_SYS_X", "CID_RMQ_SYS_X", "CID_RMQ_SYS_X"), ("", "", ""),
    ])
    func namespaces(name: String, wrapped: String, unwrapped: String) {
        #expect(Namespace.wrap("ns", name) == wrapped)
        #expect(Namespace.unwrap(wrapped) == unwrapped)
        #expect(Namespace.unwrap(wrapped, from: "ns") == unwrapped)
        #expect(Namespace.unwrap(wrapped, from: "other") == wrapped)
        #expect(Namespace.of(wrapped) == (wrapped == unwrapped ? "" : "ns"))
        #expect(Namespace.wrap("", name) == name)
    }

    @Test func systemTopics() {
        #expect(SystemTopic.isSystem("TBW102"))
        #expect(!SystemTopic.isForbiddenToSend("TBW102"))
        #expect(SystemTopic.isForbiddenToSend("SCHEDULE_TOPIC_XXXX"))
        #expect(!SystemTopic.isSystem("TopicTest"))
        #expect(RetryTopic.name("g") == "%RETRY%g")
        #expect(RetryTopic.group(of: "%RETRY%g") == "g")
        #expect(DeadLetterTopic.name("g") == "%DLQ%g")
    }
}
