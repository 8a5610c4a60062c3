@testable import RMQACL
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct AccountFileTests {
    /// As it comes with the distribution.
    static let stock = """
        globalWhiteRemoteAddresses:
          - 10.10.103.*
          - 192.168.0.*

        accounts:
          - accessKey: RocketMQ
            secretKey: 12345678
            whiteRemoteAddress:
            admin: false
            defaultTopicPerm: DENY
            defaultGroupPerm: SUB
            topicPerms:
              - topicA=DENY
              - topicB=PUB|SUB
              - topicC=SUB
            groupPerms:
              # the group should convert to retry topic
              - groupA=DENY
              - groupB=PUB|SUB
              - groupC=SUB

          - accessKey: rocketmq2
            secretKey: 12345678
            whiteRemoteAddress: 192.168.1.*
            # if it is admin, it could access all resources
            admin: true

        """

    private func file(_ text: String) throws -> AccountFile { try AccountFile(Array(text.utf8), path: "f.yml") }

    private func failure(_ text: String) -> String {
        let error = #expect(throws: AccountFileError.self) { try file(text) }
        return error?.description ?? ""
    }

    @Test func theStockFileIsRead() throws {
        let file = try file(Self.stock)
        #expect(file.whiteAddresses.count == 2)
        #expect(file.accounts.map(\.accessKey) == ["RocketMQ", "rocketmq2"])
        #expect(file.accounts.map(\.isAdministrator) == [false, true])
        #expect(file.accounts[0].whiteAddresses == .none)
        #expect(file.accounts[0].topicDefault == .deny)
        #expect(file.accounts[0].groupDefault == .subscribe)
        #expect(file.accounts[0].permissions["topicB"] == .both)
        #expect(file.accounts[0].permissions["%RETRY%groupA"] == .deny)
        #expect(file.accounts[1].permissions.isEmpty)
        #expect(file.version == nil)
        #expect(file.warnings.isEmpty)
    }

    @Test func theRewrittenFileOfTheReferenceIsRead() throws {
        let file = try AccountFile(GoldenData.bytes("plain_acl.rewritten.yml"), path: "f.yml")
        #expect(file.accounts.map(\.accessKey) == ["user-one", "admin-one"])
        #expect(file.version == DataVersion(timestamp: 1_795_235_633_592, counter: 3))
        #expect(YAMLWriter.text(try #require(file.document)) == (try GoldenData.text("plain_acl.rewritten.yml")))
    }

    @Test(arguments: [
        ("- a\n", "f.yml, line 1: the file has no keys; allowed: globalWhiteRemoteAddresses, accounts, dataVersion"),
        ("account: []\n", "f.yml, line 1: the key 'account' is unknown; allowed in the file: globalWhiteRemoteAddresses, accounts, dataVersion"),
        ("accounts: x\n", "f.yml, line 1: accounts is no list; allowed: items that begin with '- '"),
        ("accounts:\n- x\n", "f.yml, line 2: an account has no keys; allowed: accessKey, secretKey, whiteRemoteAddress, admin, "
            + "defaultTopicPerm, defaultGroupPerm, topicPerms, groupPerms"),
        ("accounts:\n- accessKey: userone\n  secret: 12345678\n", "f.yml, line 3: the key 'secret' is unknown; allowed in an account: accessKey, secretKey, "
            + "whiteRemoteAddress, admin, defaultTopicPerm, defaultGroupPerm, topicPerms, groupPerms"),
        ("accounts:\n- secretKey: 12345678\n", "f.yml, line 2: accessKey is missing; allowed: more than 6 characters"),
        ("accounts:\n- accessKey: short\n  secretKey: 12345678\n", "f.yml, line 2: accessKey 'short'; allowed: more than 6 characters"),
        ("accounts:\n- accessKey: userone\n", "f.yml, line 2: secretKey of 'userone' is missing or too short; allowed: more than 6 characters"),
        ("accounts:\n- accessKey: userone\n  secretKey: geheim\n", "f.yml, line 3: secretKey of 'userone' is missing or too short; allowed: more than 6 characters"),
        ("accounts:\n- accessKey: userone\n  secretKey: 12345678\n- accessKey: userone\n  secretKey: 87654321\n",
            "f.yml, line 4: the account 'userone' stands twice, first in line 2"),
        ("accounts:\n- accessKey: userone\n  secretKey: 12345678\n  secretKey: 87654321\n", "f.yml, line 4: the key 'secretKey' stands twice, first in line 3"),
        ("accounts:\n- accessKey: userone\n  secretKey: 12345678\n  admin: maybe\n", "f.yml, line 4: admin is neither true nor false"),
        ("accounts:\n- accessKey: userone\n  secretKey: 12345678\n  topicPerms: a=PUB\n", "f.yml, line 4: topicPerms is no list; allowed: items that begin with '- '"),
        ("accounts:\n- accessKey: userone\n  secretKey: 12345678\n  topicPerms:\n  - a\n", "f.yml, line 5: 'a' in topicPerms of 'userone' is not allowed; allowed: name=permission"),
        ("accounts:\n- accessKey: userone\n  secretKey: [12345678]\n", "f.yml, line 3: secretKey is no text"),
        ("globalWhiteRemoteAddresses:\n- 1.2.3\n", "f.yml, line 2: address pattern '1.2.3': '1.2.3' is not allowed; allowed is an IPv4 or IPv6 address"),
        ("dataVersion:\n- counter: x\n", "f.yml, line 2: timestamp of dataVersion is no whole number"),
    ])
    func aBadFileIsNamedWithWhatIsAllowed(_ text: String, expected: String) {
        #expect(failure(text) == expected)
    }

    /// As the reference does, on the safe side.
    @Test func anUnknownPermissionCountsAsDenyAndIsNamed() throws {
        let file = try file("accounts:\n- accessKey: userone\n  secretKey: 12345678\n  defaultTopicPerm: pub\n  topicPerms:\n  - a=ALL\n")
        #expect(file.accounts[0].topicDefault == .deny)
        #expect(file.accounts[0].permissions["a"] == .deny)
        #expect(file.warnings == [
            "f.yml, line 6: 'a=ALL' is no permission and counts as DENY; allowed: DENY, PUB, SUB, PUB|SUB",
            "f.yml, line 4: 'pub' is no permission and counts as DENY; allowed: DENY, PUB, SUB, PUB|SUB",
        ])
    }

    /// A file of which the end is missing, or a byte is another one: read or refused, and no secret shows.
    @Test func noTornFileShowsASecret() throws {
        let whole = Array("accounts:\n- accessKey: userone\n  secretKey: geheim-geheim\n  topicPerms: [a=PUB, b=SUB]\n  admin: true\n".utf8)
        var texts = (0..<whole.count).map { Array(whole.prefix($0)) }
        for place in whole.indices {
            for byte in [UInt8(ascii: "\n"), UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "\""), 0x00, 0xFF] {
                var changed = whole
                changed[place] = byte
                texts.append(changed)
            }
        }
        for text in texts {
            do {
                let file = try AccountFile(text, path: "f.yml")
                #expect(!"\(file.accounts)".contains("geheim"))
                var dumped = ""
                dump(file.accounts, to: &dumped)
                #expect(!dumped.contains("geheim") && !dumped.contains("103"), "neither as a text nor as bytes")
            } catch {
                #expect(!"\(error)".contains("heim"), "\(error)")
            }
        }
    }

    /// `RMQ_FUZZ_CASES` damaged files: each is read or refused, and what is read is written so that it is read alike.
    @Test func aDamagedFileIsReadAsItStandsOrRefused() throws {
        var random = try SeededRandom.replayable(12)
        let seeds = [Self.stock, try GoldenData.text("plain_acl.rewritten.yml")].map { Array($0.utf8) }
        let pieces = ["[[[[[[[[", "&a *a", "!!java.lang.Object", "\u{FEFF}", "? ", "- - - -", "'", "\"", "|\n", "%YAML 1.9\n", "---\n", "<<: "].map { Array($0.utf8) }
        var read = 0
        for _ in 0..<FuzzCases.count {
            let damaged = FuzzCases.damaged(seeds.randomElement(using: &random)!, others: seeds + pieces, &random)
            guard let file = try? AccountFile(damaged, path: "f.yml"), let document = file.document else { continue }
            read += 1
            let written = YAMLWriter.text(document)
            let again = try #require(try? AccountFile(Array(written.utf8), path: "f.yml"), "\(String(decoding: damaged, as: UTF8.self))\n\(written)")
            #expect(again.accounts.map { ByteText($0.accessKey) } == file.accounts.map { ByteText($0.accessKey) })
            #expect(again.accounts.map(\.permissions) == file.accounts.map(\.permissions))
            #expect(again.whiteAddresses == file.whiteAddresses)
        }
        #expect(read > FuzzCases.count / 20)
    }
}
