import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// Who may change a server's configuration.
@Suite(.takesTurns) struct ConfigurationUpdateTests {
    private struct Everybody: AccessControl {
        func check(_ request: RemotingCommand, needing access: RequestAccess, from remote: HostAddress) {}
    }

    private func isAllowed(
        from address: String, _ change: (inout ListenerConfiguration) -> Void = { _ in }, accessControl: (any AccessControl)? = nil
    ) throws -> Bool {
        var listener = ListenerConfiguration(port: 1)
        change(&listener)
        let remote = try #require(HostAddress(host: address, port: 1))
        do throws(Refusal) {
            try listener.checkUpdate(from: remote, accessControl: accessControl)
            return true
        } catch {
            #expect(error.code == .noPermission)
            #expect(error.remark.contains("allowRemoteConfigurationUpdate=true"), "\(error.remark)")
            #expect(error.remark.contains(remote.host), "\(error.remark)")
            return false
        }
    }

    @Test(arguments: ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
    func thisMachineMay(address: String) throws {
        #expect(try isAllowed(from: address))
    }

    @Test(arguments: ["10.0.0.1", "128.0.0.1", "::", "::2", "::7f00:1", "::ffff:10.0.0.1", "::fffe:127.0.0.1", "1::ffff:127.0.0.1", "fe80::1"])
    func anotherMayOnlyWhereItIsSaid(address: String) throws {
        #expect(try !isAllowed(from: address))
        #expect(try isAllowed(from: address, { $0.allowsRemoteConfigurationUpdate = true }))
        #expect(try isAllowed(from: address, accessControl: Everybody()))
    }
}
