import RMQACL
import RMQCommon
import RMQRemoting

/// Codes 50 to 53: the accounts of access control. There is none that answers with accounts: some releases of the reference have one
/// (54), which tells every secret.
enum AccountAdmin {
    static func update(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        let header = try command.header(AccountHeader.self)
        try accounts(broker, or: .updateAndCreateAclConfigFailed).update(header)
        return .response(.success)
    }

    static func delete(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        let header = try command.header(DeleteAccountHeader.self)
        try accounts(broker, or: .deleteAclConfigFailed).delete(header.accessKey)
        return .response(.success)
    }

    static func setWhiteAddresses(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        let header = try command.header(GlobalWhiteAddressesHeader.self)
        let addresses = header.addresses.isBlank ? [] : header.addresses.split(ascii: ",")
        try accounts(broker, or: .updateGlobalWhiteAddrsConfigFailed).setWhiteAddresses(addresses, in: header.aclFilePath)
        return .response(.success)
    }

    static func versions(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        let versions = try accounts(broker, or: .systemError).versions
        let configuration = broker.live.current
        var header = AccessVersionResponseHeader()
        header.version = versions.main.json.text(.fastjson)
        header.fileVersions = JSONValue.object(JSONObject(versions.files.map { (.string($0.path), $0.version.json) })).text(.fastjson)
        header.brokerName = configuration.brokerName
        header.brokerAddress = HostPort(configuration.advertisedAddress, broker.storeHost.port).description
        header.clusterName = configuration.brokerClusterName
        return .response(.success, header: header)
    }

    private static func accounts(_ broker: BrokerState, or code: ResponseCode) throws(Refusal) -> PlainAccessControl {
        guard let accounts = broker.accounts else {
            throw Refusal(code, "this broker has no accounts: access control is off, aclEnable=true in its file turns it on")
        }
        return accounts
    }
}
