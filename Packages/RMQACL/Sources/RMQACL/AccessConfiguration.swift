public import RMQCommon

/// Whether and how a server controls access: the keys that broker and name server share.
public struct AccessConfiguration: Sendable, Equatable {
    /// Whether requests need an account of ``accountFile`` and its neighbours.
    public var isOn = false
    /// Whether nothing at all is served to who does not sign.
    public var requiresSignature = false
    /// The main file of accounts, below the folder of the distribution.
    public var accountFile = "conf/plain_acl.yml"

    /// Off.
    public init() {}

    /// Reads the accounts.
    /// - Parameter home: where the distribution is installed; nil or empty when nobody said.
    /// - Returns: nil when access control is off.
    public func control(home: String?, logger: Logger, clock: WallClock = .system) throws(AccountFileError) -> PlainAccessControl? {
        guard isOn else { return nil }
        guard let home, !home.isEmpty else {
            throw AccountFileError(accountFile, "neither ROCKETMQ_HOME nor the key rocketmqHome says in which folder it is")
        }
        return try PlainAccessControl(AccountPlaces(home: home, file: accountFile), requiresSignature: requiresSignature, logger: logger, clock: clock)
    }
}

extension AccessConfiguration {
    /// The rows of ``isOn`` and ``requiresSignature``. A command that turned one of these off would open the server, so none may.
    /// - Parameters:
    ///   - on: what the first one means.
    ///   - required: what the second one means.
    public static func switches(on: String, required: String) -> [Setting<Self>] {
        [
            .flag("aclEnable", \.isOn, takesEffect: .never, onBadValue: .stopsTheStart, important: true, on),
            .flag("authenticationRequired", \.requiresSignature, takesEffect: .never, onBadValue: .stopsTheStart, required),
        ]
    }

    /// The row of ``accountFile``.
    public static let fileSetting = Setting<Self>.path(
        "rocketmq.acl.plain.file", \.accountFile, "The main file of accounts, below `rocketmqHome`; a system property of the reference.")
}
