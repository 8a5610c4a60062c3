import RMQCommon
import RMQRemoting

/// The name servers that cluster-test mode asks for topics that are unknown here.
///
/// They come from `NAMESRV_ADDR`. The reference would also look them up at a fixed web address; that is refused at start.
struct ProductEnvironment: Sendable {
    /// How long one of them may take. Clients give their own request 3 s and more.
    private static let timeout: Duration = .seconds(2)

    private let client: RemotingClient
    private let addresses: [String]

    init(_ configuration: NameServerConfiguration, tls: ProgramTLS, loops: EventLoopGroup, logger: Logger) throws(NameServerError) {
        let own = "\(configuration.listener.bindAddress):\(configuration.listener.port)"
        addresses = NameServerList.parse(Environment.value("NAMESRV_ADDR") ?? "")
        guard !addresses.isEmpty else {
            throw .unsupported(
                key: "clusterTest", reason: "set NAMESRV_ADDR to the name servers of the other environment; they are not looked up over HTTP")
        }
        guard !addresses.containsExactly(own) else {
            throw .unsupported(key: "clusterTest", reason: "NAMESRV_ADDR names this server (\(own)), which would ask itself for ever")
        }
        client = RemotingClient(configuration: tls.clientConfiguration, loops: loops, logger: logger)
    }

    /// Asks one after the other; nil when none of them knows `topic`.
    func route(of topic: String, completion: @escaping @Sendable (TopicRouteData?) -> Void) {
        ask(addresses[...], topic, completion)
    }

    private func ask(_ rest: ArraySlice<String>, _ topic: String, _ completion: @escaping @Sendable (TopicRouteData?) -> Void) {
        guard let address = rest.first else { return completion(nil) }
        let request = RemotingCommand(.getRouteinfoByTopic, header: RouteHeader(topic: topic))
        client.send(request, to: address, timeout: Self.timeout) { result in
            if case .success(let response) = result, response.responseCode == .success,
                let json = try? JSONValue(parsing: response.body), let route = try? TopicRouteData(json: json)
            {
                return completion(route)
            }
            ask(rest.dropFirst(), topic, completion)
        }
    }

    func close() { client.close() }
}
