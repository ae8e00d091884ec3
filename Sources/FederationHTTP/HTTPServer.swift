package import FederationCore

/// An HTTP/1.1 server (libmicrohttpd; TLS by GnuTLS): one thread moves the bytes, the handler runs as a Swift task.
///
/// Every request has bounds in size and in time (`HTTPServerLimits`), kept while bytes arrive. Requests that two
/// readers could understand differently never reach the handler: two `Host` or `Content-Length` fields, a
/// `Content-Length` beside a `Transfer-Encoding`, or a coding other than `chunked` are answered 400 or 501, and the
/// connection is closed. Any method passes through as the token it is. No CORS field is ever added.
///
/// A handler's task is cancelled when its client hangs up, and when its time is over (`HTTPServerLimits.handle`). A
/// client that ends its own side of the connection counts as gone, and gets no answer.
package final class HTTPServer: Sendable {
    /// The port it listens on: the real one, where 0 was asked for.
    package let port: UInt16

    private let core: ServerCore

    /// Serves on a socket until `stop()`.
    ///
    /// Of the handler's answer, the fields that frame a message and those that are not valid (a line end in a value)
    /// are left out; a status outside 200 to 599 becomes 500.
    ///
    /// - Parameters:
    ///   - tls: what is shown to clients and asked of them, over TLS 1.2 or 1.3; `nil` serves plain HTTP.
    ///   - refused: is told of each request and connection that the server turns away by itself, on its own thread.
    package init(
        on socket: consuming ListeningSocket, tls: ServerTLS? = nil, limits: HTTPServerLimits = HTTPServerLimits(),
        refused: @Sendable @escaping (RefusedRequests.Cause) -> Void = { _ in },
        handler: @Sendable @escaping (ServedRequest) async -> HTTPResponse
    ) throws(HTTPServerFailure) {
        port = socket.port
        core = ServerCore(limits: limits, tls: tls, refused: refused, handler: handler)
        try core.start(on: socket)
    }

    /// The same, on a socket of its own at a numeric address (`ListeningSocket.init(address:port:)`).
    package convenience init(
        address: String, port: UInt16, tls: ServerTLS? = nil, limits: HTTPServerLimits = HTTPServerLimits(),
        refused: @Sendable @escaping (RefusedRequests.Cause) -> Void = { _ in },
        handler: @Sendable @escaping (ServedRequest) async -> HTTPResponse
    ) throws(HTTPServerFailure) {
        let socket = try ListeningSocket(address: address, port: port)
        try self.init(on: socket, tls: tls, limits: limits, refused: refused, handler: handler)
    }

    /// Where a socket that was handed over listens: a numeric address and a port; `nil` where it is none of TCP.
    package static func address(ofInherited descriptor: Int32) -> (address: String, port: UInt16)? {
        guard let socket = try? ListeningSocket(inherited: descriptor), let bound = SocketAddress(of: descriptor)
        else { return nil }
        return (bound.numeric, socket.port)
    }

    /// Listens on a Unix-domain socket of mode 0600, whose path is at most 107 bytes long; what stands there is
    /// replaced. Requests come with an empty `remoteAddress`.
    package convenience init(
        unixSocket path: String, limits: HTTPServerLimits = HTTPServerLimits(),
        handler: @Sendable @escaping (ServedRequest) async -> HTTPResponse
    ) throws(HTTPServerFailure) {
        let socket = try ListeningSocket(unixPath: path)
        try self.init(on: socket, limits: limits, handler: handler)
    }

    deinit {
        // Without this, a server that was let go would serve for ever. A second stop is nothing.
        let core = core
        Task.detached { await core.stop() }
    }

    /// Takes no more connections, lets the handlers at work answer within `HTTPServerLimits.drain`, answers 503 for
    /// those that do not, and closes everything. Returns when the last connection is closed.
    package func stop() async { await core.stop() }

    /// Requests between their first line and the end of their answer.
    var liveExchanges: Int { core.liveExchanges }

    /// Connections that are open.
    var openConnections: Int { core.deadlines.count }
}
