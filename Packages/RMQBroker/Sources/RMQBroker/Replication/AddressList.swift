import RMQACL
import RMQCommon

/// Addresses that are let in: patterns as account files have them, separated by semicolons. Empty lets everybody in.
public struct AddressList: Sendable, Equatable {
    let text: String
    private let patterns: [AddressPattern]

    init() {
        text = ""
        patterns = []
    }

    /// Nil when a part of the text is no pattern.
    init?(_ text: String) {
        let parts = text.split(ascii: ";").map { Configuration.trimmed($0) }.filter { !$0.utf8.isEmpty }
        let patterns = parts.compactMap { try? AddressPattern($0) }
        guard patterns.count == parts.count else { return nil }
        self.text = parts.joined(separator: ";")
        self.patterns = patterns
    }

    func contains(_ address: HostAddress) -> Bool {
        if patterns.isEmpty { return true }
        guard let ip = IPAddress(address.host) else { return false }
        return patterns.contains { $0.matches(ip) }
    }
}
