internal import FederationConfig
internal import FederationCore
internal import FederationHTTP

/// Sockets that a service manager has opened in our place, and where each listens.
struct HandedOverSockets: Sendable {
    struct Socket: Sendable {
        var descriptor: Int32
        var address: ListenAddress
    }

    private var sockets: [SocketHandover.Use: Socket] = [:]

    /// None.
    init() {}

    init(_ handover: SocketHandover) throws(CommandFailure) {
        for (use, descriptor) in handover.descriptors {
            guard let found = HTTPServer.address(ofInherited: descriptor),
                let address = try? ListenAddress(found.address.contains(":") ? "[\(found.address)]:\(found.port)" : "\(found.address):\(found.port)")
            else { throw CommandFailure(.notAListener, address: "the socket '\(use.rawValue)'") }
            sockets[use] = Socket(descriptor: descriptor, address: address)
        }
    }

    subscript(use: SocketHandover.Use) -> Int32? { sockets[use]?.descriptor }
    func address(of use: SocketHandover.Use) -> ListenAddress? { sockets[use]?.address }
}

extension Config {
    /// Listens where the sockets do, whatever the file says of it: then all that depends on the address holds for what is
    /// open indeed.
    mutating func take(_ sockets: HandedOverSockets) {
        listen = sockets.address(of: .peers) ?? listen
        tls.listen = sockets.address(of: .tls) ?? tls.listen
        monitor.listen = sockets.address(of: .monitor) ?? monitor.listen
        page.listen = sockets.address(of: .page) ?? page.listen
    }
}
