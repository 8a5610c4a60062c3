import RMQCommon
import RMQRemoting

/// In whose name a broker speaks to name servers and to its master: the account of `conf/tools.yml`, as `mqadmin` does on the same machine.
/// Servers without access control do not look at it.
struct BrokerAccount: Sendable {
    /// Nil for requests without an account.
    let signer: RequestSigner?
    /// What an operator can do when a name server refuses.
    let advice: String

    /// Reads the file once: another account needs a restart. One that cannot be read is said, and the broker goes on without.
    /// - Parameter home: where the distribution is installed; empty when nobody said.
    init(home: String, logger: Logger) {
        let place = home.isEmpty ? "conf/tools.yml of the folder that ROCKETMQ_HOME or the key rocketmqHome names" : ToolsFile.path(home: home)
        do throws(ToolsFile.Problem) {
            if let account = try ToolsFile.read(home: home) {
                signer = RequestSigner(accessKey: account.accessKey, secretKey: account.secretKey)
                advice = "it has to have the account '\(account.accessKey)', by which this broker signs (\(place)), with the same secret and admin: true"
                return
            }
        } catch {
            logger.error("what this broker asks of name servers and of its master is not signed: \(error)")
        }
        signer = nil
        advice = "it has access control, and this broker does not sign: write accessKey and secretKey of one of its administrators to \(place) and start the broker again"
    }
}
