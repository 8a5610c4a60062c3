import RMQClient
import RMQCommon

extension Check {
    static let nameServerChecks = [
        Check(name: "name servers answer") { picture in
            picture.nameServers.compactMap { server in
                guard case .failure(let error) = server.info else { return nil }
                return .problem(
                    "name server \(server.address)", FailureText(error).detail,
                    "start it, or take it out of the lists of name servers (namesrvAddr of brokers, NAMESRV_ADDR of clients)")
            }
        },
        Check(name: "name servers know the same brokers") { picture in
            let known = picture.nameServers.compactMap { server in
                (try? server.info.get()).map { (server.address, Set<ByteText>(texts: $0.brokers.values.flatMap(\.addresses.values))) }
            }
            let all = known.reduce(into: Set<ByteText>()) { $0.formUnion($1.1) }
            return known.compactMap { address, brokers in
                let missing = all.subtracting(brokers).sortedTexts
                guard !missing.isEmpty else { return nil }
                return .problem(
                    "name server \(address)", "does not know \(missing.joined(separator: ", ")), which others know",
                    "give every broker all name servers (namesrvAddr), and look whether the network lets them reach this one")
            }
        },
    ]
}
