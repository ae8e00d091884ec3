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
        do throws(HTTPServerFailure) {
            let socket = try ListeningSocket(at: listen, on: inherited)
            var address = listen
            address.port = socket.port
            let slot = WireServerSlot(node, at: address, isTLS: tls != nil)
            let server = try HTTPServer(
                on: socket, tls: tls, refused: { [access = node.access] in access.count($0) }
            ) { await slot.server.answer($0) }
            slots.withLock { $0.append(slot) }
            return (server, address)
        } catch {
            throw CommandFailure(error, address: listen.description)
        }
    }

    /// Answers by what the node's configuration says now.
    func renew() { for slot in slots.withLock({ $0 }) { slot.renew(node) } }
}

extension ListeningSocket {
    /// Listens at an address, or is the socket that a service manager has opened there.
    init(at listen: ListenAddress, on inherited: Int32?) throws(HTTPServerFailure) {
        if let inherited {
            try self.init(inherited: inherited)
        } else {
            try self.init(address: listen.address, port: listen.port)
        }
    }
}
