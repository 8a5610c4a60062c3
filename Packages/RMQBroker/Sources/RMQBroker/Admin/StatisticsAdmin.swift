import RMQCommon
import RMQRemoting

/// Code 315: one item of the statistics.
enum StatisticsAdmin {
    static func item(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        let header = try command.header(BrokerStatsHeader.self)
        guard let snapshots = broker.statistics.snapshots(name: header.statsName, key: header.statsKey) else {
            throw Refusal(.systemError, "The stats <\(header.statsName.prefix(bytes: 255))> <\(header.statsKey.prefix(bytes: 512))> not exist")
        }
        let items = snapshots.map { snapshot in
            BrokerStatsData.Item {
                $0.sum = snapshot.sum
                $0.tps = snapshot.perSecond
                $0.avgpt = snapshot.average
            }
        }
        let body = BrokerStatsData {
            ($0.minute, $0.hour, $0.day) = (items[0], items[1], items[2])
        }
        return .response(.success, body: body.body)
    }
}
