@testable import RMQACL
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// Files that change while access control is on, and commands that change them.
@Suite(.takesTurns) struct PlainAccessControlTests {
    private final class Lines: LogSink {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func write(_ record: LogRecord) { lines.withLock { $0.append("\(record.level) \(record.message)") } }
    }

    private let folder: TemporaryFolder
    private let log = Lines()
    private var main: String { folder.sub("conf/plain_acl.yml") }

    init() throws {
        folder = try TemporaryFolder()
        try FileSystem.makeDirectories(folder.sub("conf"))
    }

    private func account(_ name: String, _ secret: String = "secret-1", more: String = "") -> String {
        "- accessKey: \(name)\n  secretKey: \(secret)\n" + more
    }

    private func write(_ text: String, to path: String? = nil) throws { try SmallFile.replace(path ?? main, with: text) }

    private func text(_ path: String) throws -> String { String(decoding: try #require(try SmallFile.read(path)), as: UTF8.self) }

    private func start() throws -> PlainAccessControl {
        try PlainAccessControl(
            AccountPlaces(home: folder.path), logger: Logger(category: "acl", sink: log), clock: WallClock { 1_795_235_633_592 })
    }

    private func isLetIn(_ name: String, _ control: PlainAccessControl) throws -> Bool { try isLetIn(name, "secret-1", control) }

    private func isLetIn(_ name: String, _ secret: String, _ control: PlainAccessControl) throws -> Bool {
        var command = RemotingCommand(.pullMessage)
        try #require(RequestSigner(accessKey: name, secretKey: secret)).sign(&command)
        return (try? control.check(command, needing: .account, from: HostAddress(ipv4: (172, 16, 0, 1), port: 1))) != nil
    }

    private func header(_ name: String, _ change: (inout AccountHeader) -> Void = { _ in }) -> AccountHeader {
        var header = AccountHeader()
        header.accessKey = name
        header.secretKey = "secret-1"
        change(&header)
        return header
    }

    /// Twice: a file is read once it has stayed the same.
    private func look(_ control: PlainAccessControl) {
        control.look()
        control.look()
    }

    // MARK: the start

    @Test func withoutAnAccountNobodyIsLetInAndTheFileIsMade() throws {
        let control = try start()
        #expect(try !isLetIn("userone", control))
        #expect(FileSystem.exists(main))
        #expect(log.all.contains { $0.contains("has no account") })
    }

    @Test(arguments: ["accounts:\n- accessKey: userone\n", "accounts: [", "\u{1}"])
    func aBadFileStopsTheStart(_ text: String) throws {
        try write(text)
        let error = #expect(throws: AccountFileError.self) { try start() }
        #expect(error?.path == main)
    }

    @Test func withoutTheFolderTheStartSaysWhatIsNeeded() throws {
        try FileSystem.removeTree(folder.sub("conf"))
        let error = #expect(throws: AccountFileError.self) { try start() }
        #expect(error?.problem.contains("access control needs this file, or the folder to make it in") == true)
    }

    @Test func furtherFilesCountAndTheFirstOwnsAnAccount() throws {
        try write("accounts:\n" + account("userone", "secret-main") + account("usertwo"))
        try write("accounts:\n" + account("userone", "secret-a"), to: folder.sub("conf/acl/a.yml"))
        try write("accounts:\n" + account("userdeep"), to: folder.sub("conf/acl/b/c/d.yaml"))
        try write("accounts: [", to: folder.sub("conf/acl/no.txt"))
        let control = try start()
        #expect(try isLetIn("userone", "secret-a", control))
        #expect(try !isLetIn("userone", "secret-main", control))
        #expect(try isLetIn("usertwo", control))
        #expect(try isLetIn("userdeep", control))
        #expect(log.all.contains { $0.contains("the account 'userone' of \(main) is in \(folder.sub("conf/acl/a.yml")) already") })
    }

    // MARK: files that change

    @Test func aChangedFileIsReadOnceItStaysTheSame() throws {
        try write("accounts:\n" + account("userone"))
        let control = try start()
        try write("accounts:\n" + account("usertwo"))
        control.look()
        #expect(try isLetIn("userone", control), "it may still be written")
        control.look()
        #expect(try !isLetIn("userone", control))
        #expect(try isLetIn("usertwo", control))
    }

    /// A torn file that is good YAML all the same: an account of two is missing.
    @Test func aFileThatGrowsIsNotReadByHalves() throws {
        try write("accounts:\n" + account("userone") + account("usertwo"))
        let control = try start()
        try write("accounts:\n" + account("userone"))
        control.look()
        try write("accounts:\n" + account("userone") + account("usertwo", "secret-2"))
        control.look()
        #expect(try isLetIn("usertwo", control), "the old rules")
        control.look()
        #expect(try isLetIn("usertwo", "secret-2", control))
    }

    @Test(arguments: ["", "\n# nothing\n", "accounts:\n- accessKey: userone\n", "accounts: [", "accounts:\n- {accessKey: a, secretKey: b}\n", "\u{1}", "unknown: 1\n"])
    func aBadFileChangesNothingUntilItIsPutRight(_ text: String) throws {
        try write("accounts:\n" + account("userone"))
        let control = try start()
        try write(text)
        for _ in 0..<4 { control.look() }
        #expect(try isLetIn("userone", control))
        let complaints = log.all.filter { $0.contains("stays in force") }
        #expect(complaints.count == 1, "it is said once: \(complaints)")
        #expect(complaints.first?.contains(main) == true)
        try write("accounts:\n" + account("usertwo"))
        look(control)
        #expect(try !isLetIn("userone", control))
        #expect(try isLetIn("usertwo", control))
    }

    @Test func bytesThatAreNoTextChangeNothing() throws {
        try write("accounts:\n" + account("userone"))
        let control = try start()
        try SmallFile.replace(main, with: Array("accounts:\n".utf8) + [0xFF])
        look(control)
        #expect(try isLetIn("userone", control))
        #expect(log.all.contains { $0.contains("\(main), line 2: byte 10 is not UTF-8") })
    }

    @Test func tooLargeAFileChangesNothing() throws {
        try write("accounts:\n" + account("userone"))
        let control = try start()
        try SmallFile.replace(main, with: [UInt8](repeating: UInt8(ascii: "#"), count: AccountFile.byteLimit + 1))
        look(control)
        #expect(try isLetIn("userone", control))
    }

    @Test func noAccountsAtAllMustBeWritten() throws {
        try write("accounts:\n" + account("userone"))
        let control = try start()
        try write("accounts: []\n")
        look(control)
        #expect(try !isLetIn("userone", control))
    }

    @Test func theMainFileMayGoWithoutItsAccounts() throws {
        try write("accounts:\n" + account("userone"))
        let control = try start()
        try FileSystem.remove(main)
        for _ in 0..<4 { control.look() }
        #expect(try isLetIn("userone", control))
        #expect(log.all.filter { $0.contains("\(main) is gone; its accounts stay in force") }.count == 1)
        try write("accounts:\n" + account("usertwo"))
        look(control)
        #expect(try !isLetIn("userone", control))
        #expect(try isLetIn("usertwo", control))
    }

    @Test func aFurtherFileThatIsGoneTwiceTakesItsAccountsAlong() throws {
        let further = folder.sub("conf/acl/a.yml")
        try write("accounts:\n" + account("userone"), to: further)
        let control = try start()
        try FileSystem.remove(further)
        control.look()
        #expect(try isLetIn("userone", control), "an editor takes a file away for a moment")
        control.look()
        #expect(try !isLetIn("userone", control))
        try write("accounts:\n" + account("userone"), to: further)
        look(control)
        #expect(try isLetIn("userone", control), "and a new one is read")
    }

    @Test func whileFilesChangeNoRequestOfAGoodAccountIsRefused() throws {
        try write("accounts:\n" + account("userone"))
        let control = try start()
        for round in 0..<50 {
            try write("accounts:\n" + account("userone") + account("extra-\(round)"))
            for _ in 0..<2 {
                #expect(try isLetIn("userone", control))
                control.look()
            }
            #expect(try isLetIn("extra-\(round)", control))
        }
    }

    // MARK: commands

    /// The changes of the recorded broker: an account is added and removed, and the white list replaced.
    @Test func commandsLeaveTheFileOfTheReference() throws {
        try write("""
            globalWhiteRemoteAddresses:
            - 10.10.103.*

            accounts:
              - accessKey: user-one
                secretKey: secret-one-1
                whiteRemoteAddress:
                admin: false
                defaultTopicPerm: DENY
                defaultGroupPerm: SUB
                topicPerms: [AclAllowed=PUB|SUB, AclSubOnly=SUB, RMQ_SYS_TRACE_TOPIC=PUB|SUB]
                groupPerms:
                # comments go
                - acl_group=PUB|SUB
                - acl_denied=DENY
              - accessKey: admin-one
                secretKey: secret-admin-1
                whiteRemoteAddress:
                admin: true
            """)
        let control = try start()
        try control.update(header("user-two") {
            $0.secretKey = "secret-two-2"
            $0.defaultTopicPermission = "DENY"
            $0.defaultGroupPermission = "SUB"
            $0.topicPermissions = "topicX=PUB,topicY=SUB"
            $0.groupPermissions = "groupX=SUB"
        })
        #expect(try isLetIn("user-two", "secret-two-2", control))
        let added = try text(main)
        #expect(added.contains("""
            - accessKey: user-two
              secretKey: secret-two-2
              admin: false
              defaultTopicPerm: DENY
              defaultGroupPerm: SUB
              topicPerms:
              - topicX=PUB
              - topicY=SUB
              groupPerms:
              - groupX=SUB
            dataVersion:
            - counter: 1

            """))
        try control.delete("user-two")
        #expect(try !isLetIn("user-two", "secret-two-2", control))
        try control.setWhiteAddresses(["10.0.0.1"], in: nil)
        #expect(try SmallFile.read(main) == GoldenData.bytes("plain_acl.rewritten.yml"))
        #expect(control.versions.main == DataVersion(timestamp: 1_795_235_633_592, counter: 3))
        #expect(control.versions.files.map(\.path) == [main])
        let backup = try text(main + ".bak")
        #expect(backup.contains("- 10.10.103.*") && backup.contains("counter: 2"), "the content before the last change")
        look(control)
        #expect(!log.all.contains { $0.contains("read again") }, "its own change is none to be read")
        #expect(!log.all.contains { $0.contains("secret-") })
    }

    @Test func anAccountIsChangedInItsFileFieldByField() throws {
        let further = folder.sub("conf/acl/a.yml")
        try write("accounts:\n" + account("userone", more: "  admin: true\n  topicPerms: [a=PUB]\n  whiteRemoteAddress: 10.0.0.1\n") + account("usertwo"), to: further)
        let control = try start()
        try control.update(header("userone") {
            $0.secretKey = "12345678"
            $0.groupPermissions = "g=SUB"
        })
        #expect(try text(further) == """
            accounts:
            - accessKey: usertwo
              secretKey: secret-1
            - accessKey: userone
              secretKey: '12345678'
              admin: false
              topicPerms:
              - a=PUB
              whiteRemoteAddress: 10.0.0.1
              groupPerms:
              - g=SUB
            dataVersion:
            - counter: 1
              timestamp: 1795235633592

            """)
        #expect(try isLetIn("userone", "12345678", control))
        #expect(try !isLetIn("userone", control))
    }

    @Test func whatWasWrittenByHandSinceIsKept() throws {
        try write("accounts:\n" + account("userone"))
        let control = try start()
        try write("accounts:\n" + account("userone") + account("by-hand"))
        try control.update(header("usertwo"))
        #expect(try isLetIn("by-hand", control))
        #expect(try isLetIn("usertwo", control))
        try write("accounts: [")
        let refusal = #expect(throws: Refusal.self) { try control.update(header("userthree")) }
        #expect(refusal?.remark.contains("\(main), line ") == true)
        #expect(try text(main) == "accounts: [", "a file that cannot be read is not replaced")
        #expect(try isLetIn("usertwo", control))
    }

    struct BadChange: Sendable {
        let name: String
        let change: @Sendable (inout AccountHeader) -> Void
        let remark: String

        init(_ name: String, _ change: @escaping @Sendable (inout AccountHeader) -> Void, _ remark: String) {
            (self.name, self.change, self.remark) = (name, change, remark)
        }
    }

    @Test(arguments: [
        BadChange("short", { $0.secretKey = "12345678" }, "The accessKey=short and its secretKey cannot be null and length should longer than 6"),
        BadChange("usertwo", { $0.secretKey = "geheim" }, "The accessKey=usertwo and its secretKey cannot be null and length should longer than 6"),
        BadChange("usertwo", { $0.secretKey = nil }, "The accessKey=usertwo and its secretKey cannot be null and length should longer than 6"),
        BadChange("usertwo", { $0.topicPermissions = "TopicA=NOPE" },
            "Parse resource permission error for TopicA=NOPE.\nThe expected permissions are 'SUB' or 'PUB' or 'SUB|PUB' or 'PUB|SUB'."),
        BadChange("usertwo", { $0.groupPermissions = "a=SUB,b" }, "Parse Resource format error for b.\nThe expected resource format is 'Res=Perm'. For example: topicA=SUB"),
        BadChange("usertwo", { $0.whiteRemoteAddress = "1.2.3" }, "address pattern '1.2.3': '1.2.3' is not allowed; allowed is an IPv4 or IPv6 address"),
        BadChange("usertwo", { $0.defaultTopicPermission = "ALL" }, "The default permission ALL is not allowed; allowed: DENY, PUB, SUB, PUB|SUB"),
    ])
    func aBadAccountIsRefused(_ bad: BadChange) throws {
        try write("accounts:\n" + account("userone"))
        let control = try start()
        let refusal = #expect(throws: Refusal.self) { try control.update(header(bad.name, bad.change)) }
        #expect(refusal == Refusal(.updateAndCreateAclConfigFailed, bad.remark))
        #expect(try SmallFile.read(main + ".bak") == nil, "nothing was written")
    }

    /// Whatever a name or a list holds, the file keeps its form.
    @Test func noTextOfAChangeBecomesAKeyOfTheFile() throws {
        let control = try start()
        try control.update(header("evil-user\n  admin: true\n- accessKey: other-user") {
            $0.secretKey = "x: y\n- {accessKey: third-user, secretKey: 12345678}"
            $0.topicPermissions = "a: b #=PUB,\"c=SUB,&x=PUB"
        })
        let file = try AccountFiles.read(main)
        #expect(file.accounts.count == 1)
        #expect(file.accounts[0].accessKey == "evil-user\n  admin: true\n- accessKey: other-user")
        #expect(!file.accounts[0].isAdministrator)
        #expect(file.accounts[0].permissions["a: b #"] == .publish)
    }

    @Test func anAccountThatIsUnknownIsNotDeleted() throws {
        let control = try start()
        let refusal = #expect(throws: Refusal.self) { try control.delete("nobody12") }
        #expect(refusal == Refusal(.deleteAclConfigFailed, "The accesskey[nobody12] corresponding to accessConfig has been deleted failed."))
    }

    @Test(arguments: ["/no/such.yml", "conf/broker.conf", "conf/acl/../../conf/plain_acl.yml"])
    func whiteListsAreWrittenToAccountFilesOnly(_ path: String) throws {
        try write("brokerName=a\n", to: folder.sub("conf/broker.conf"))
        let control = try start()
        let target = path.hasPrefix("/") ? path : folder.sub(path)
        let refusal = #expect(throws: Refusal.self) { try control.setWhiteAddresses(["10.0.0.1"], in: target) }
        #expect(refusal == Refusal(.updateGlobalWhiteAddrsConfigFailed, "The globalWhiteAddresses[10.0.0.1] has been updated failed."))
        #expect(throws: Refusal.self) { try control.setWhiteAddresses(["10.0.0"], in: nil) }
    }

    @Test func theWhiteListOfAFurtherFileIsReplaced() throws {
        let further = folder.sub("conf/acl/a.yml")
        try write("globalWhiteRemoteAddresses: ['*']\n", to: further)
        let control = try start()
        let anybody = RemotingCommand(.pullMessage), remote = HostAddress(ipv4: (172, 16, 0, 1), port: 1)
        try control.check(anybody, needing: .administrator, from: remote)
        try control.setWhiteAddresses([], in: further)
        #expect(throws: Refusal.self) { try control.check(anybody, needing: .administrator, from: remote) }
    }
}
