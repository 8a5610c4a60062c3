import RMQClient
import RMQCommon

extension ClusterInfo {
    /// The cluster that names the broker, the first of several by name; nil when none does.
    func cluster(ofBroker name: String) -> String? {
        clusters.sorted { $0.key < $1.key }.first { $0.value.containsExactly(name) }?.key.text
    }
}

extension BrokerData {
    /// The master first, then its slaves by id.
    var sortedAddresses: [(id: Int64, address: String)] { addresses.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }
}
