import RMQACL
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct AddressPatternTests {
    @Test(arguments: [
        ("*", "10.1.2.3", true), ("*.*.*.*", "1050::1", true), ("", "10.1.2.3", false), (" ", "10.1.2.3", false),
        ("10.0.0.1", "10.0.0.1", true), ("10.0.0.1", "10.0.0.2", false),
        ("1.1.1.1,2.2.2.2", "2.2.2.2", true), ("1.1.1.1,2.2.2.2", "1.1.1.2", false),
        ("192.168.0.{1,2}", "192.168.0.2", true), ("192.168.0.{1,2}", "192.168.0.3", false),
        ("1050::5:600:300c:{1,200}", "1050::5:600:300c:200", true),
        ("192.168.0.*", "192.168.0.77", true), ("192.168.0.*", "192.168.1.77", false),
        ("192.*.*.*", "192.1.2.3", true), ("192.168.0.10-20", "192.168.0.20", true), ("192.168.0.10-20", "192.168.0.21", false),
        ("192.168.1-10.*", "192.168.10.9", true), ("192.168.1-10.5", "192.168.2.200", true),
        ("2::ac5:78:1-200:*", "2::ac5:78:200:9", true), ("2::ac5:78:1-200:*", "2::ac5:78:201:9", false),
        ("1050::0005:0600:300c:3001-3200", "1050::5:600:300C:3100", true), ("1050::5:600:300c:*", "1050::5:600:300c:1", true),
        ("192.168.0.*", "1050::1", false),
    ])
    func matches(pattern: String, address: String, expected: Bool) throws {
        let address = try #require(IPAddress(address))
        #expect(try AddressPattern(pattern).matches(address) == expected)
    }

    @Test(arguments: [
        "1.1.1", "1.1.1.300", "1.1.1.1, 2.2.2.2", "192.168.{1,2}.1", "192.168.0.300-400", "192.168.0.9-3", "{1,2}", "1-2", "::*-:", "1:2-g",
    ])
    func refuses(pattern: String) {
        let error = #expect(throws: AddressPatternError.self) { try AddressPattern(pattern) }
        #expect(error?.pattern == pattern)
    }
}
