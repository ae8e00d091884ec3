internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationHTTP
internal import FederationPage

/// Serves the page: its files to whoever comes, and what the node knows and does to whoever shows the page's key.
///
/// Without a key, which only a listener on this machine can be, it answers questions and does nothing. Answers are those
/// of the commands, as `--json` prints them: there is one way to ask a node.
final class PageServer: Sendable {
    static let limits: HTTPServerLimits = {
        var limits = HTTPServerLimits()
        limits.connections = Limits.pageConnections
        limits.connectionsPerAddress = Limits.pageConnectionsPerAddress
        limits.bodyBytes = Limits.pageRequestBytes
        limits.bodyBytesHeld = 4 * Limits.pageRequestBytes
        return limits
    }()

    let node: Node
    let service: CommandService
    let held = HeldRequests(atMost: Limits.pageHeld, fromOneAddress: Limits.pageHeldPerAddress)
    let report: PageReport
    let days: PageDays
    private let listen: ListenAddress
    private let scheme: String
    private let files: [String: ServedFile]

    private struct ServedFile: Sendable {
        var response: HTTPResponse
        var tag: String
    }

    private init(_ node: Node, at listen: ListenAddress) {
        self.node = node
        self.listen = listen
        service = CommandService(node: node)
        report = PageReport(node)
        days = PageDays(node)
        scheme = node.config.page.tls ? "https" : "http"
        files = Dictionary(
            PageFile.all.map { file in
                let tag = "\"\(sha256(file.bytes).hex.prefix(32))\""
                let response = HTTPResponse(
                    status: 200, fields: ["Content-Type": file.mediaType, "Cache-Control": "no-cache", "ETag": tag], body: file.bytes)
                return (file.path, ServedFile(response: response, tag: tag))
            }, uniquingKeysWith: { first, _ in first })
    }

    /// - Parameter inherited: a socket that listens there already.
    /// - Returns: the server, and its address as a browser is told it.
    static func start(
        _ node: Node, at listen: ListenAddress, on inherited: Int32? = nil
    ) throws(CommandFailure) -> (server: HTTPServer, url: String) {
        do throws(HTTPServerFailure) {
            let socket = try ListeningSocket(at: listen, on: inherited)
            var address = listen
            address.port = socket.port
            let page = PageServer(node, at: address)
            let server = try HTTPServer(
                on: socket, tls: node.config.page.tls ? node.access.pageServer : nil, limits: limits,
                refused: { [access = node.access] in access.count($0) }
            ) { await page.answer($0) }
            return (server, "\(page.scheme)://\(address)/")
        } catch {
            throw CommandFailure(error, address: listen.description)
        }
    }

    func answer(_ request: ServedRequest) async -> HTTPResponse {
        let hosts = RequestGuard(
            addresses: [listen.address], names: node.config.hosts, port: listen.port, scheme: scheme)
        var response: HTTPResponse
        if let (status, cause) = hosts.check(request.fields).refusal {
            response = refusal(status, cause)
        } else if request.path.hasPrefix("/api/") {
            response = await answerOfNode(request)
            response.fields["Cache-Control"] = "no-store"
        } else {
            response = file(request)
        }
        for (name, value) in PageServer.fields { response.fields[name] = value }
        return response
    }

    /// With every answer, whatever it is: nothing but the page's own files runs, is shown or is asked, and no other page
    /// holds this one.
    static let fields = [
        (
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
                + "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
        ),
        ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"), ("X-Frame-Options", "DENY"),
        ("Cross-Origin-Opener-Policy", "same-origin"), ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Cross-Origin-Embedder-Policy", "require-corp"),
        ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ]

    private func file(_ request: ServedRequest) -> HTTPResponse {
        guard let file = files[request.path] else { return refusal(404, .path) }
        if let refused = PageGuard.refusal(of: .file, method: request.method, mediaType: "", request.fields) {
            return refusal(refused.status, refused.cause)
        }
        guard request.fields["If-None-Match"] == file.tag else { return file.response }
        return HTTPResponse(status: 304, fields: ["ETag": file.tag, "Cache-Control": "no-cache"])
    }

    private func answerOfNode(_ request: ServedRequest) async -> HTTPResponse {
        guard let route = PageRoute(rawValue: String(request.path.dropFirst("/api/".count))) else { return refusal(404, .path) }
        if let refused = PageGuard.refusal(
            of: route.writes ? .command : .question, method: request.method, mediaType: request.fields.mediaType, request.fields)
        {
            return refusal(refused.status, refused.cause)
        }
        if route == .page { return .json(200, PageServer.facts(of: node)) }
        let sender: NodeAccess.Sender
        do throws(AccessFailure) { sender = try node.access.admit(request, at: .page) } catch {
            return error == .key ? .json(401, Array(#"{"error":{"code":"key"}}"#.utf8)) : error.response
        }
        // Whoever has no more than a way to this machine's loopback looks on.
        guard !route.writes || node.access.pageAsksForKey else {
            return .json(403, Array(#"{"error":{"code":"page_only_shows"}}"#.utf8))
        }
        do throws(CommandFailure) { return .json(200, try await perform(route, request, from: sender)) } catch {
            return .json(error.code == .store ? 503 : 409, error.json)
        }
    }

    private func refusal(_ status: Int, _ cause: RefusedRequests.Cause) -> HTTPResponse {
        node.access.count(cause)
        return HTTPResponse(status: status)
    }
}
