internal import FederationConfig
internal import FederationCore
internal import FederationHTTP
internal import Synchronization

/// Serves a node's wires, in clear and over TLS.
final class PeerListener: Sendable {
    private let node: Node
    private let slots = Mutex<[WireServerSlot]>([])

    init(_ node: Node) { self.node = node }

    /// - Parameter inherited: a socket that listens there already.
    /// - Returns: the server, and where it listens: the real port, where 0 was asked for.
    func start(
        at listen: ListenAddress, on inherited: Int32? = nil, tls: ServerTLS?
    ) throws(CommandFailure) -> (server: HTTPServer, address: ListenAddress) {
        // The guard needs the real port, which is known once the server listens; until then nobody is answered.
        let slot = WireServerSlot(isTLS: tls != nil)
        do throws(HTTPServerFailure) {
            let server = try HTTPServer(
                at: listen, on: inherited, tls: tls, refused: { [access = node.access] in access.count($0) }
            ) { request in
                guard let wires = slot.value else { return HTTPResponse(status: 503) }
                return await wires.answer(request)
            }
            var address = listen
            address.port = server.port
            slot.fill(node, at: address)
            slots.withLock { $0.append(slot) }
            return (server, address)
        } catch {
            throw CommandFailure(error, address: listen.description)
        }
    }

    /// Answers by what the node's configuration says now.
    func renew() { for slot in slots.withLock({ $0 }) { slot.renew(node) } }
}

extension HTTPServer {
    /// Listens at an address, or on the socket that a service manager has opened there.
    convenience init(
        at listen: ListenAddress, on inherited: Int32?, tls: ServerTLS? = nil,
        limits: HTTPServerLimits = HTTPServerLimits(), refused: @Sendable @escaping (RefusedRequests.Cause) -> Void,
        handler: @Sendable @escaping (ServedRequest) async -> HTTPResponse
    ) throws(HTTPServerFailure) {
        if let inherited {
            try self.init(inherited: inherited, tls: tls, limits: limits, refused: refused, handler: handler)
        } else {
            try self.init(
                address: listen.address, port: listen.port, tls: tls, limits: limits, refused: refused, handler: handler)
        }
    }
}
