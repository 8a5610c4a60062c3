import RMQCommon
import RMQRemoting

/// A web server that tells which name servers there are: `http://<domain>:8080/rocketmq/<subgroup>`, whose answer is `host:port;host:port`.
///
/// It is asked before the first request, then after ten seconds, and then every `refreshInterval`. While it does not answer, the list stays what
/// it was. The answer may be of any number of lines; the first one counts.
public struct NameServerEndpoint: Sendable {
    /// A host, asked at port 8080, or `host:port`.
    public var domain: String
    /// The last part of the path.
    public var subgroup = "nsaddr"
    /// How often the list is looked up again.
    public var refreshInterval = Duration.seconds(120)

    static let port: UInt16 = 8080
    /// For the whole exchange.
    static let timeout = Duration.seconds(3)
    /// When the list is looked up again for the first time: whoever starts with the web server may come too early.
    static let firstRefresh = Duration.seconds(10)

    /// - Parameter domain: a host, asked at port 8080, or `host:port`.
    public init(domain: String) {
        self.domain = domain
    }

    func check() throws(ClientError) {
        guard NameServerList.isAddress(address) else {
            throw ClientError(
                .invalidConfiguration, "nameServerEndpoint.domain is \"\(domain)\", expected is a host or host:port, as mq.example, and no http:// before it")
        }
        // It becomes a part of the request's first line.
        guard !subgroup.isEmpty, subgroup.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }) else {
            throw ClientError(.invalidConfiguration, "nameServerEndpoint.subgroup is \"\(subgroup)\"; it must be one word, as nsaddr")
        }
        guard refreshInterval > .zero else {
            throw ClientError(.invalidConfiguration, "nameServerEndpoint.refreshInterval is \(refreshInterval), allowed is more than zero")
        }
    }

    /// `host:port` of the web server.
    var address: String { domain.contains(ascii: ":") ? domain : HostPort(domain, Self.port).description }

    /// - Parameter unitName: names a part of the cluster that has name servers of its own.
    func request(unitName: String?, now: Int64 = WallClock.nowMilliseconds()) -> HTTPGet {
        var path = "/rocketmq/\(subgroup)"
        if let unitName { path += "-\(unitName)?nofix=1" }
        return HTTPGet(address: address, path: path, headers: [
            ("Client-Version", "\(ProtocolVersion.current)"),
            ("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8"),
            ("Metaq-Client-RequestTS", String(now)),
        ])
    }

    /// The addresses in an answer; none in one that is no list of addresses.
    static func addresses(in response: HTTPGet.Response) -> [String] {
        guard response.status == 200 else { return [] }
        let text = String(decoding: response.body, as: UTF8.self).trimmedLikeJava
        let line = text.unicodeScalars.prefix { $0 != "\r" && $0 != "\n" }
        let addresses = NameServerList.parse(String(String.UnicodeScalarView(line)))
        // A page of a proxy, say, is no list.
        return addresses.allSatisfy { NameServerList.isAddress($0) } ? addresses : []
    }
}
