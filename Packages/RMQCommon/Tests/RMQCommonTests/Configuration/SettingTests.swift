import RMQCommon
import RMQTestSupport
import Testing

/// What rows do with texts.
@Suite(.takesTurns) struct SettingTests {
    private enum Role: String, CaseIterable, Sendable { case master = "ASYNC_MASTER", slave = "SLAVE" }

    private struct Part: Sendable, Equatable {
        var interval: Duration = .seconds(10)
        var percent: Int32 = 75
        var hours = [4]
        var paths: [String] = []
    }

    private struct Whole: Sendable, Equatable {
        var name = "one"
        var port: UInt16 = 10_911
        var creates = true
        var role = Role.master
        var address = ""
        var part = Part()
        var kept: Int32 = 8
    }

    private static let table = SettingTable(
        program: "test", defaults: Whole(),
        [
            .init("Own", [
                .name("name", \.name, important: true, "A name."),
                .number("port", \.port, 0...65_532, takesEffect: .never, onBadValue: .stopsTheStart, "A port."),
                .flag("creates", \.creates, takesEffect: .atOnce, "A flag.").formerly("creats"),
                .choice("role", \.role, "A role."),
                .host("address", \.address, mayBeEmpty: true, "A host."),
                .number("kept", \.kept, 1...1024, "").withoutEffect(because: "Nothing needs it."),
                .refused("acl", only: "false", because: "There is none."),
                .withoutEffect("home", isTold: false, because: "The environment says it.") { "home of \($0.name)" },
                .withoutEffect("gone", because: "Another release had it.") { _ in nil },
            ]),
            .init("Part", [
                Setting<Part>.time("interval", \.interval, 1...60, .seconds, takesEffect: .atOnce, "A time.").at(\.part),
                Setting<Part>.number("percent", \.percent, 0...100, unit: "%", "A number.").at(\.part),
                Setting<Part>.hours("hours", \.hours, takesEffect: .atOnce, "Hours.").at(\.part),
                Setting<Part>.paths("paths", \.paths, "Paths.").at(\.part),
            ]),
        ])

    private func applying(_ text: String) throws(ConfigurationError) -> (Whole, SettingReport) {
        var whole = Whole()
        let report = try Self.table.apply(PropertiesText.parse(text), to: &whole)
        return (whole, report)
    }

    @Test func valuesGetToTheirPlaces() throws {
        let (whole, report) = try applying("""
            name = two \t
            port=1
            creates=FALSE
            role = SLAVE
            address=[::1]
            interval=5
            percent=100
            hours=4; 05 ;23
            paths=/a,/b c
            """)
        var expected = Whole(name: "two", port: 1, creates: false, role: .slave, address: "::1")
        expected.part = Part(interval: .seconds(5), percent: 100, hours: [4, 5, 23], paths: ["/a", "/b c"])
        #expect(whole == expected)
        #expect(report.warnings == [])
        #expect(report.unknown.isEmpty)
    }

    @Test(arguments: [
        ("port", "70000", "0 to 65532"), ("port", "x", "0 to 65532"), ("name", "", "1 to 127 bytes without control characters"),
        ("role", "slave", "ASYNC_MASTER or SLAVE"), ("hours", "24", "hours from 0 to 23, several separated by ;"), ("address", "a b", "up to 255 characters without blanks"),
        ("acl", "true", "false (this program offers nothing else yet)"),
    ])
    func aValueThatStopsTheStartIsNamed(key: String, value: String, allowed: String) {
        #expect(throws: ConfigurationError.badValue(key: key, value: value, allowed: allowed)) { try applying("\(key)=\(value)") }
    }

    @Test(arguments: [
        ("percent", "75%", "0 to 100", "75"), ("percent", "101", "0 to 100", "100"), ("percent", "-1", "0 to 100", "0"), ("interval", "0", "1 to 60", "1"),
        ("interval", "99999999999999999999", "1 to 60", "10"), ("creates", "yes", "true or false", "false"), ("kept", "8x", "1 to 1024", "8"),
    ])
    func anotherIsReplacedAndNamed(key: String, value: String, allowed: String, used: String) throws {
        let (whole, report) = try applying("\(key)=\(value)")
        #expect(report.warnings == ["configuration: \(key)=\(value) is not allowed; allowed: \(allowed); \(used) is used"])
        #expect(Self.table[key]?.text(in: whole) == used)
    }

    @Test(arguments: [
        ("kept", "8", []), ("kept", "9", ["configuration: kept has no effect in this test"]), ("home", "/", []), ("acl", "False ", []),
        ("gone", "1", ["configuration: gone has no effect in this test"]),
    ])
    func whatHasNoEffectIsTold(key: String, value: String, warnings: [String]) throws {
        #expect(try applying("\(key)=\(value)").1.warnings == warnings)
    }

    @Test func unknownKeysAreHandedBack() throws {
        let report = try applying("nam=a\nkept=9\npart=b\n").1
        #expect(report.unknown.map(\.key) == ["nam", "part"])
        #expect(report.unknown.map(\.value) == ["a", "b"])
        #expect(report.warnings == [
            "configuration: unknown key nam", "configuration: kept has no effect in this test", "configuration: unknown key part",
        ])
    }

    @Test("The name of today counts before the old one", arguments: ["creats=false\ncreates=true", "creates=true\ncreats=false"])
    func oldNames(text: String) throws {
        let (whole, report) = try applying(text)
        #expect(whole.creates)
        #expect(report.warnings == ["configuration: creats is called creates since release 4.5.2"])
        #expect(try applying("creats=false").0.creates == false)
    }

    @Test func everythingIsShown() {
        #expect(Self.table.text(of: Whole()) == """
            name=one
            port=10911
            creates=true
            role=ASYNC_MASTER
            address=
            kept=8
            acl=false
            home=home of one
            interval=10
            percent=75
            hours=04
            paths=

            """)
        #expect(Self.table.text(of: Whole(), onlyImportant: true) == "name=one\n")
    }

    @Test func onlyWhatMayChangeNowIsAdopted() {
        var changed = Whole(name: "two", port: 1, creates: false, role: .slave)
        changed.part = Part(interval: .milliseconds(3), percent: 1, hours: [1], paths: ["/p"])
        var running = Whole()
        Self.table.adopt(changed, in: &running)
        var expected = Whole(creates: false)
        expected.part.interval = .milliseconds(3)
        expected.part.hours = [1]
        #expect(running == expected)
    }

    @Test func aRefusedValueChangesNothing() throws {
        var whole = Whole()
        let percent = try #require(Self.table["percent"])
        #expect(throws: ConfigurationError.self) { try Self.table.set(percent, "101", in: &whole) }
        #expect(whole == Whole())
        try Self.table.set(percent, " 5 ", in: &whole)
        #expect(whole.part.percent == 5)
    }
}
