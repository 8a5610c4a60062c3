import RMQCommon
public import RMQRemoting
import Synchronization

/// What requests 50, 51 and 53 change. A change is written to its file, whose content before stays beside it as `.bak`, and in force
/// when the function returns. These block.
extension PlainAccessControl {
    /// Makes an account, in the main file, or changes the one of that name, in its file: what the request leaves out stays.
    public func update(_ change: AccountHeader) throws(Refusal) {
        do throws(AccountChangeError) {
            try change.check()
            try files.withLock { (files) throws(AccountChangeError) in
                let owner = files.loaded.first { $0.accounts.contains { $0.accessKey.isExactly(change.accessKey) } }
                try edit(owner?.path ?? files.places.main, &files) { change.apply(to: &$0) }
            }
        } catch {
            throw Refusal(.updateAndCreateAclConfigFailed, error.text)
        }
        logger.info("the account '\(change.accessKey)' was made or changed by command")
    }

    /// Deletes an account.
    public func delete(_ accessKey: String) throws(Refusal) {
        do throws(AccountChangeError) {
            try files.withLock { (files) throws(AccountChangeError) in
                guard let owner = files.loaded.first(where: { $0.accounts.contains { $0.accessKey.isExactly(accessKey) } }) else {
                    throw AccountChangeError(text: "The accesskey[\(accessKey)] corresponding to accessConfig has been deleted failed.")
                }
                try edit(owner.path, &files) { document in
                    let rest = document[AccountFile.Key.accounts]?.items?.filter { $0[AccountFile.Key.accessKey]?.text.isExactly(accessKey) != true }
                    document[AccountFile.Key.accounts] = .sequence(rest ?? [])
                }
            }
        } catch {
            throw Refusal(.deleteAclConfigFailed, error.text)
        }
        logger.info("the account '\(accessKey)' was deleted by command")
    }

    /// Replaces the addresses from which everything is allowed.
    /// - Parameter path: the account file that is meant, one of those that are read; nil or empty for the main one.
    public func setWhiteAddresses(_ addresses: [String], in path: String?) throws(Refusal) {
        do throws(AccountChangeError) {
            for address in addresses {
                do throws(AddressPatternError) { _ = try AddressPattern(address) } catch { throw AccountChangeError(text: "\(error)") }
            }
            try files.withLock { (files) throws(AccountChangeError) in
                let wanted = path.flatMap { $0.isEmpty ? nil : $0 } ?? files.places.main
                // Of the files that are read: else whoever may change accounts could write any file of the machine.
                guard let target = files.loaded.first(where: { $0.path.isExactly(wanted) }) else {
                    throw AccountChangeError(text: "The globalWhiteAddresses[\(addresses.joined(separator: ","))] has been updated failed.")
                }
                try edit(target.path, &files) { $0[AccountFile.Key.whiteAddresses] = .texts(addresses) }
            }
        } catch {
            throw Refusal(.updateGlobalWhiteAddrsConfigFailed, error.text)
        }
        logger.info("the white-listed addresses were changed by command to \(addresses.joined(separator: ","))")
    }

    /// Reads the file, changes it, counts its version on, writes it and puts it in force: all of that or nothing.
    private func edit(
        _ path: String, _ files: inout AccountFiles, _ change: (inout YAMLNode) -> Void
    ) throws(AccountChangeError) {
        do throws(AccountFileError) {
            // From the disk, so that what somebody wrote there by hand is not lost.
            let before = try AccountFiles.read(path)
            var document = before.document ?? .emptyMapping
            change(&document)
            var version = before.version ?? DataVersion(timestamp: 0)
            version.advance(now: clock.now())
            document[AccountFile.Key.version] = version.node
            let bytes = Array(YAMLWriter.text(document).utf8)
            let after = try AccountFile(bytes, path: path)
            do throws(SystemFailure) {
                try SmallFile.replace(path, with: bytes)
            } catch {
                throw AccountFileError(path, "\(error)")
            }
            files.put(after, FileStamp(path), now: clock.now(), logger)
        } catch {
            throw AccountChangeError(text: "\(error)")
        }
        use(files)
    }
}

/// Why a change is not made.
private struct AccountChangeError: Error {
    var text: String
}

extension DataVersion {
    fileprivate var node: YAMLNode {
        var node = YAMLNode.emptyMapping
        node[AccountFile.Key.counter] = .number(counter)
        node[AccountFile.Key.timestamp] = .number(timestamp)
        return .sequence([node])
    }
}

extension AccountHeader {
    /// The reference's rules and texts, without the secret in any.
    fileprivate func check() throws(AccountChangeError) {
        guard Account.isLongEnough(accessKey), let secretKey, Account.isLongEnough(secretKey) else {
            throw AccountChangeError(text: "The accessKey=\(accessKey) and its secretKey cannot be null and length should longer than 6")
        }
        for permissions in [topicPermissions, groupPermissions] {
            for item in Self.items(permissions) ?? [] {
                guard let named = NamedPermission(item) else {
                    throw AccountChangeError(
                        text: "Parse Resource format error for \(item).\nThe expected resource format is 'Res=Perm'. For example: topicA=SUB")
                }
                guard named.permission != nil else {
                    throw AccountChangeError(
                        text: "Parse resource permission error for \(item).\nThe expected permissions are 'SUB' or 'PUB' or 'SUB|PUB' or 'PUB|SUB'.")
                }
            }
        }
        for word in [defaultTopicPermission, defaultGroupPermission].compactMap(\.self) where !word.isEmpty && AccessPermission(word: word) == nil {
            throw AccountChangeError(text: "The default permission \(word) is not allowed; allowed: \(AccessPermission.allowed)")
        }
        if let whiteRemoteAddress {
            do throws(AddressPatternError) { _ = try AddressPattern(whiteRemoteAddress) } catch { throw AccountChangeError(text: "\(error)") }
        }
    }

    /// Changes the account's entry, which comes last then, or adds one.
    fileprivate func apply(to document: inout YAMLNode) {
        var accounts = document[AccountFile.Key.accounts]?.items ?? []
        let place = accounts.firstIndex { $0[AccountFile.Key.accessKey]?.text.isExactly(accessKey) == true }
        var entry = place.map { accounts.remove(at: $0) } ?? .emptyMapping
        entry[AccountFile.Key.accessKey] = .text(accessKey)
        if let secretKey { entry[AccountFile.Key.secretKey] = .text(secretKey) }
        if let whiteRemoteAddress { entry[AccountFile.Key.whiteAddress] = .text(whiteRemoteAddress) }
        entry[AccountFile.Key.administrator] = .flag(isAdministrator)
        if let word = defaultTopicPermission, !word.isEmpty { entry[AccountFile.Key.topicDefault] = .text(word) }
        if let word = defaultGroupPermission, !word.isEmpty { entry[AccountFile.Key.groupDefault] = .text(word) }
        if let items = Self.items(topicPermissions) { entry[AccountFile.Key.topics] = .texts(items) }
        if let items = Self.items(groupPermissions) { entry[AccountFile.Key.groups] = .texts(items) }
        accounts.append(entry)
        document[AccountFile.Key.accounts] = .sequence(accounts)
    }

    /// Nil for a field that is missing; empty for a blank one, which takes all away.
    private static func items(_ text: String?) -> [String]? { text.map { $0.isBlank ? [] : $0.split(ascii: ",") } }
}
