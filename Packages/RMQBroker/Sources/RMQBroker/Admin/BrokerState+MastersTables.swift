import RMQRemoting
import RMQStore

extension BrokerState {
    /// Topics and groups of a slave are its master's: what is changed here would be gone with the next copy. The reference refuses it with this remark.
    func requireTablesOfItsOwn() throws(Refusal) {
        guard store.role != .replica else {
            throw Refusal(.systemError, "Can't modify topic or subscription group from slave broker, please execute it from master broker.")
        }
    }
}
