internal import FederationConfig
internal import FederationCore
internal import FederationHTTP

/// Answers whoever watches a node: `/metrics`, `/healthz` and `/readyz`, on a listener of their own.
///
/// On this machine nobody is asked for a key, as a database's numbers are no more than `ps` and `du` tell; elsewhere the
/// ring's key is.
struct MonitorServer: Sendable {
    static let metrics = "/metrics"
    /// The process answers, and its database can be read.
    static let health = "/healthz"
    /// The node also does its work: it has not stopped writing, and has room.
    static let readiness = "/readyz"
    /// A request has no body.
    static let limits: HTTPServerLimits = {
        var limits = HTTPServerLimits()
        limits.connections = Limits.monitorConnections
        limits.bodyBytes = 0
        return limits
    }()

    let node: Node
    let requestGuard: RequestGuard
    let asksForKey: Bool

    /// No page is served here, so no browser comes with an origin that is its own.
    init(_ node: Node, at address: ListenAddress) {
        self.node = node
        requestGuard = RequestGuard(
            addresses: [address.address], names: node.config.hosts, port: address.port, scheme: "http")
        asksForKey = !address.isLoopback
    }

    /// - Returns: the server, and where it listens: the real port, where 0 was asked for.
    static func start(
        _ node: Node, at listen: ListenAddress, on inherited: Int32? = nil
    ) throws(CommandFailure) -> (server: HTTPServer, address: ListenAddress) {
        do throws(HTTPServerFailure) {
            let socket = try ListeningSocket(at: listen, on: inherited)
            var address = listen
            address.port = socket.port
            let server = try HTTPServer(
                on: socket, limits: limits, refused: { [access = node.access] in access.count($0) }
            ) { [address] in await MonitorServer(node, at: address).answer($0) }
            return (server, address)
        } catch {
            throw CommandFailure(error, address: listen.description)
        }
    }

    func answer(_ request: ServedRequest) async -> HTTPResponse {
        if let (status, cause) = requestGuard.check(request.fields).refusal { return refusal(status, cause) }
        if asksForKey {
            do throws(AccessFailure) { _ = try node.access.admit(request) } catch { return error.response }
        }
        guard [MonitorServer.metrics, MonitorServer.health, MonitorServer.readiness].contains(request.path) else {
            return HTTPResponse(status: 404)
        }
        guard request.method == "GET" || request.method == "HEAD" else {
            return HTTPResponse(status: 405, fields: ["Allow": "GET, HEAD"])
        }
        do throws(StoreFailure) {
            let facts = try await node.metrics()
            switch request.path {
            case MonitorServer.metrics:
                let format = MetricFamily.Format(accept: request.fields["Accept"])
                return HTTPResponse(
                    status: 200, fields: ["Content-Type": format.contentType],
                    body: Array(MetricFamily.text(facts.families(now: SystemClock.now()), as: format).utf8))
            case MonitorServer.health: return verdict([])
            default: return verdict(facts.problems)
            }
        } catch {
            node.logger.error("the database could not be read for whoever watches", ["store": "\(error)"])
            return verdict(["store"])
        }
    }

    private func verdict(_ problems: [String]) -> HTTPResponse {
        var writer = JSONWriter()
        writer.object {
            $0.member("ok", problems.isEmpty)
            $0.member("problems", problems)
        }
        return .json(problems.isEmpty ? 200 : 503, writer.bytes)
    }

    private func refusal(_ status: Int, _ cause: RefusedRequests.Cause) -> HTTPResponse {
        node.access.count(cause)
        return HTTPResponse(status: status)
    }
}
