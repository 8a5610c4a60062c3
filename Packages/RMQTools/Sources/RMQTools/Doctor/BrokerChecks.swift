import RMQClient
import RMQCommon

extension Check {
    static let brokerChecks = [
        Check(name: "brokers answer", find: unreachable),
        Check(name: "brokers have a master", find: withoutMaster),
        Check(name: "clocks", find: clocks),
        Check(name: "versions", find: versions),
        Check(name: "disks", find: disks),
        Check(name: "replicas keep up", find: replicas),
        Check(name: "brokers keep up", find: load),
        Check(name: "access", find: access),
    ]

    private static let unreachable = { @Sendable (picture: Picture) -> [Finding] in
        picture.brokers.compactMap { broker in
            guard case .failure(let error) = broker.runtime else { return nil }
            return .problem(
                broker.title, "is registered, but: \(FailureText(error).detail)",
                "look whether it runs, and whether clients can reach the address that it registers (brokerIP1)")
        }
    }

    private static let withoutMaster = { @Sendable (picture: Picture) -> [Finding] in
        let names = Dictionary(grouping: picture.brokers) { ByteText($0.name) }
        return names.sorted { $0.key < $1.key }.compactMap { name, brokers in
            guard !brokers.contains(where: \.isMaster) else { return nil }
            return .problem(
                "broker \(name)", "has no master, only \(brokers.count) slave(s): its topics can be read, not written",
                "start its master, or make a slave one: `mqadmin changeBrokerRole -b \(brokers[0].address) -r master`")
        }
    }

    // MARK: Clocks and versions

    /// What may lie between two clocks, in milliseconds; delays, transactions and searches by time go by them.
    private static let clockTolerance = 5_000.0

    private static let clocks = { @Sendable (picture: Picture) -> [Finding] in
        picture.brokers.compactMap { broker in
            guard let theirs = clock(of: broker) else { return nil }
            // As fractions: a broker may claim any time, and whole numbers would overflow.
            let ahead = Double(theirs) - Double(broker.askedAt)
            guard abs(ahead) > clockTolerance else { return nil }
            return .problem(
                broker.title, "its clock is \(Decimal.text(abs(ahead) / 1_000, places: 1)) s \(ahead > 0 ? "ahead of" : "behind") this machine's",
                "let both hosts follow a time server (chrony, systemd-timesyncd); delayed messages and searches by time go by the broker's clock")
        }
    }

    /// What time a broker has: its own key, else the start and how long it runs, which the reference tells to the second.
    static func clock(of broker: Picture.Broker) -> Int64? {
        if let now = broker.values["currentTimestamp"].flatMap({ Int64($0) }) { return now }
        guard let boot = broker.values["bootTimestamp"].flatMap({ Int64($0) }), let runtime = broker.values["runtime"] else { return nil }
        let numbers = runtime.utf8.split { !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }.compactMap { Int64(Substring($0)) }
        guard numbers.count == 4 else { return nil }
        let seconds = ((numbers[0] &* 24 &+ numbers[1]) &* 60 &+ numbers[2]) &* 60 &+ numbers[3]
        return boot &+ seconds &* 1_000
    }

    private static let versions = { @Sendable (picture: Picture) -> [Finding] in
        let clusters = Dictionary(grouping: picture.brokers.filter { !$0.values.isEmpty }) { ByteText($0.cluster) }
        return clusters.sorted { $0.key < $1.key }.compactMap { cluster, brokers in
            let byVersion = Dictionary(grouping: brokers) { ByteText($0.values["brokerVersionDesc"] ?? "unknown") }
            guard byVersion.count > 1 else { return nil }
            let list = byVersion.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.map { "\($0.name):\($0.id)" }.joined(separator: ", "))" }
            return .warning("cluster \(cluster)", "its brokers have \(byVersion.count) versions: \(list.joined(separator: "; "))", "finish the upgrade")
        }
    }

    // MARK: Disks and replicas

    private static let disks = { @Sendable (picture: Picture) -> [Finding] in
        picture.brokers.compactMap { broker in
            guard let used = broker.values["commitLogDiskRatio"].flatMap({ Double($0) }) else { return nil }
            let percent = Decimal.text(used * 100, places: 0)
            let advice = "free space or add some; keep less (fileReservedTime, now \(broker.configuration["fileReservedTime"] ?? "72") h); "
                + "`mqadmin deleteExpiredCommitLog` deletes what is due at once"
            if used >= 0.9 { return .problem(broker.title, "the disk of its log is \(percent) % full; from 90 % on sends are refused", advice) }
            if used >= 0.75 { return .warning(broker.title, "the disk of its log is \(percent) % full; from 75 % on files are deleted before their time", advice) }
            return nil
        }
    }

    /// What a replica may lack before it is told, in bytes.
    private static let replicaTolerance: Int64 = 64 << 20

    private static let replicas = { @Sendable (picture: Picture) -> [Finding] in
        let masters = Dictionary(picture.brokers.filter(\.isMaster).map { (ByteText($0.name), $0) }) { first, _ in first }
        return picture.brokers.compactMap { broker in
            if broker.isMaster { return lonelyMaster(broker) }
            if let link = broker.values["masterLink"], !link.hasBytePrefix("following ") {
                return .problem(broker.title, "does not follow its master: \(link)", "the broker's log says more; a stopped replica says there what to do")
            }
            guard let end = masters[broker.name]?.values["commitLogMaxOffset"].flatMap({ Int64($0) }),
                let own = broker.values["commitLogMaxOffset"].flatMap({ Int64($0) }), own >= 0, end >= own, end - own > replicaTolerance
            else { return nil }
            return .warning(
                broker.title, "is \(Columns.grouped((end - own) >> 20)) MiB behind its master",
                "look at its disk and network; until it has caught up, what only the master has is lost with the master")
        }
    }

    private static func lonelyMaster(_ broker: Picture.Broker) -> Finding? {
        guard broker.values["brokerRole"]?.isExactly("SYNC_MASTER") == true, broker.values["slaveCount"]?.isExactly("0") == true else { return nil }
        return .problem(
            broker.title, "is a SYNC_MASTER without a slave: every send is answered SLAVE_NOT_AVAILABLE",
            "start its slave, or let it wait for none: `mqadmin changeBrokerRole -b \(broker.address) -r master`")
    }

    // MARK: Load

    private static let load = { @Sendable (picture: Picture) -> [Finding] in
        picture.brokers.flatMap { broker -> [Finding] in
            func number(_ key: ByteText) -> Int64 { broker.values[key].flatMap { Int64($0) } ?? 0 }
            var findings: [Finding] = []
            let wait = number("sendThreadPoolQueueHeadWaitTimeMills")
            if wait >= 100 {
                findings.append(.warning(
                    broker.title, "sends wait \(wait) ms before they are served; from 200 ms on they are refused",
                    "spread the topics over more brokers, or look for what keeps its disk and processors busy"))
            }
            let behind = number("dispatchBehindBytes")
            if behind > 32 << 20 {
                findings.append(.warning(
                    broker.title, "\(Columns.grouped(behind >> 20)) MiB of its log are not in the consume queues yet: consumers do not see them",
                    "look at its disk; after an unclean stop this passes by itself"))
            }
            return findings
        }
    }

    /// A broker that others can reach and that asks nobody who they are.
    private static let access = { @Sendable (picture: Picture) -> [Finding] in
        picture.brokers.compactMap { broker in
            guard !broker.configuration.isEmpty, !isLoopback(broker.address),
                broker.configuration["aclEnable"]?.isExactlyIgnoringCase("true") != true
            else { return nil }
            return .warning(
                broker.title, "listens on the network and asks nobody who they are (aclEnable=false)",
                "set aclEnable=true and write conf/plain_acl.yml, or see that only trusted hosts can reach it (docs/security.md)")
        }
    }

    private static func isLoopback(_ address: String) -> Bool {
        guard let host = HostPort(address)?.host else { return false }
        return host.hasBytePrefix("127.") || host.isExactly("localhost") || host.isExactly("::1")
    }
}
