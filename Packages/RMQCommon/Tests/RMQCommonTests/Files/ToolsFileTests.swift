import RMQCommon
import RMQTestSupport
import Testing

/// The account of `conf/tools.yml`.
@Suite(.takesTurns) struct ToolsFileTests {
    private func account(_ text: String?) throws -> ToolsFile? {
        try withTemporaryFolder { folder in
            if let text { try SmallFile.replace(folder + "/conf/tools.yml", with: text) }
            return try ToolsFile.read(home: folder)
        }
    }

    @Test(arguments: [
        "# a comment\n\naccessKey: rocketmq2\nsecretKey: 12345678\n    \n", "---\naccessKey: 'rocketmq2'\r\nsecretKey: \"12345678\"\r\n",
        "secretKey: 12345678 # secret\naccessKey:   rocketmq2   # the account", "accessKey: 'rocketmq2' # the account\nsecretKey: \"12345678\" # secret\n",
    ])
    func theAccountOfTheFileIsRead(_ text: String) throws {
        let found = try #require(try account(text))
        #expect(found.accessKey == "rocketmq2")
        #expect(found.secretKey == "12345678")
    }

    @Test(arguments: [nil, "", "accessKey: rocketmq2\n", "accessKey: rocketmq2\nsecretKey:\n", "accessKey: rocketmq2\nsecretKey: ''\n"])
    func withoutBothNothingIsSigned(_ text: String?) throws {
        #expect(try account(text) == nil)
    }

    @Test(arguments: ["accessKey: rocketmq2\nsecretkey: geheim\n", "accessKey: rocketmq2\nsecretKey:geheim\n", "accessKey: rocketmq2\n- geheim\n"])
    func aBadFileIsNamedWithoutWhatItHolds(_ text: String) throws {
        let problem = #expect(throws: ToolsFile.Problem.self) { try account(text) }
        #expect(problem?.description.hasSuffix("/conf/tools.yml, line 2: not allowed; allowed are accessKey: and secretKey:, each with a text") == true)
    }

    @Test(arguments: [("'it''s # 1'", "it's # 1"), ("\"a # b\" # c", "a # b"), ("'' # c", nil), ("# c", nil), ("1234#5678", "1234#5678")])
    func aTextIsReadAsYAMLReadsIt(_ text: String, secret: String?) throws {
        #expect(try account("accessKey: rocketmq2\nsecretKey: \(text)\n")?.secretKey == secret)
    }

    @Test(arguments: ["'geheim", "\"geheim", "'geheim' x", "\"ge\\x68eim\"", "[geheim]", "&a geheim", "geheim\naccessKey: again"])
    func whatIsNotATextIsRefused(_ text: String) throws {
        let problem = #expect(throws: ToolsFile.Problem.self) { try account("accessKey: rocketmq2\nsecretKey: \(text)\n") }
        #expect(problem?.description.contains("geheim") == false)
    }

    @Test func nothingThatIsPrintedHasTheSecret() throws {
        let account = try #require(try account("accessKey: rocketmq2\nsecretKey: geheim-7\n"))
        var dumped = "\(account) \(String(reflecting: account))"
        dump(account, to: &dumped)
        #expect(dumped.contains("rocketmq2"))
        #expect(!dumped.contains("geheim"))
    }
}
