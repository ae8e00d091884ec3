package import FederationCore

/// The server side: MCP over Streamable HTTP at `/mcp`, as each line answers it (Noema section 2).
extension NoemaStandIn {
    /// Answers one request. No request can make it trap.
    package mutating func respond(to request: ServedRequest, now: WallTime) -> HTTPResponse {
        switch rules {
        case .go: respondAsGo(to: request, now: now)
        case .rust: respondAsRust(to: request, now: now)
        }
    }

    /// The newest first; what a server answers to a version it does not know.
    static let protocolVersions = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]

    // MARK: Go (mcp-go)

    private mutating func respondAsGo(to request: ServedRequest, now: WallTime) -> HTTPResponse {
        var response = answerAsGo(to: request, now: now)
        response.fields["Access-Control-Allow-Origin"] = "*"
        response.fields["Access-Control-Allow-Methods"] = "POST, GET, DELETE, OPTIONS"
        response.fields["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Mcp-Session-Id"
        response.fields["Access-Control-Expose-Headers"] = "Mcp-Session-Id"
        return response
    }

    private mutating func answerAsGo(to request: ServedRequest, now: WallTime) -> HTTPResponse {
        guard request.path == "/mcp" else { return HTTPResponse(status: 404) }
        if request.method == "OPTIONS" { return HTTPResponse(status: 204) }
        guard isAuthorised(request) else { return NoemaStandIn.unauthorised }
        switch request.method {
        case "POST": break
        // The standing stream, which never says anything and here ends at once.
        case "GET": return HTTPResponse(status: 200, fields: ["Content-Type": "text/event-stream"])
        case "DELETE": return HTTPResponse(status: 200)
        default: return HTTPResponse(status: 404)
        }
        guard mediaType(of: request.fields) == "application/json" else { return HTTPResponse(status: 400) }
        guard let call = RPCCall(request.body) else { return NoemaStandIn.parseError }
        var fields: HTTPFields = ["Content-Type": "application/json"]
        if call.method == "initialize" {
            fields["Mcp-Session-Id"] = "mcp-session-" + random.uuid()
        } else {
            // Only its look is checked: a session of before a restart goes on.
            guard isGoSession(request.fields["Mcp-Session-Id"]) else { return HTTPResponse(status: 404) }
        }
        guard let id = call.id else { return HTTPResponse(status: 202) }
        let answer = result(of: call, isFederationView: false, now: now)
        return HTTPResponse(status: 200, fields: fields, body: rules.relayed(answer.message(id: id)))
    }

    private func isGoSession(_ session: String?) -> Bool {
        let prefix = "mcp-session-"
        guard let session, session.hasPrefix(prefix) else { return false }
        let groups = session.dropFirst(prefix.count).split(separator: "-", omittingEmptySubsequences: false)
        return groups.map(\.utf8.count) == [8, 4, 4, 4, 12]
            && groups.allSatisfy { $0.allSatisfy { $0.isASCII && $0.isHexDigit } }
    }

    // MARK: Rust (rmcp)

    private mutating func respondAsRust(to request: ServedRequest, now: WallTime) -> HTTPResponse {
        let views = ["/mcp", "/mcp/", "/mcp/federation", "/mcp/agent", "/mcp/maintainer", "/mcp/curator"]
        guard views.contains(request.path) else { return HTTPResponse(status: 404) }
        guard isAllowedHost(request.fields["Host"]) else { return HTTPResponse(status: 403) }
        if let origin = request.fields["Origin"], !["app://obsidian.md", "capacitor://localhost"].contains(origin) {
            return HTTPResponse(status: 403)
        }
        if request.method == "OPTIONS" { return HTTPResponse(status: 204) }
        guard isAuthorised(request) else { return NoemaStandIn.unauthorised }
        switch request.method {
        case "POST": break
        case "GET": return standingStream(for: request)
        case "DELETE":
            if let session = request.fields["Mcp-Session-Id"] { sessions.remove(session) }
            return HTTPResponse(status: 202)
        default: return HTTPResponse(status: 405)
        }
        let accept = request.fields["Accept"] ?? ""
        guard accept.contains("application/json"), accept.contains("text/event-stream") else {
            return HTTPResponse(status: 406)
        }
        guard mediaType(of: request.fields) == "application/json" else { return HTTPResponse(status: 415) }
        guard request.body.count <= 4 << 20 else { return HTTPResponse(status: 413) }
        if let version = request.fields["MCP-Protocol-Version"], !NoemaStandIn.protocolVersions.contains(version) {
            return HTTPResponse(status: 400)
        }
        // The specification names no status for a body that is no JSON-RPC.
        guard let call = RPCCall(request.body) else { return HTTPResponse(status: 415) }
        var fields: HTTPFields = [
            "Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no",
        ]
        if call.method == "initialize" {
            let session = random.uuid()
            sessions.insert(session)
            fields["Mcp-Session-Id"] = session
        } else {
            guard let session = request.fields["Mcp-Session-Id"] else { return HTTPResponse(status: 422) }
            guard sessions.contains(session) else { return HTTPResponse(status: 404) }
        }
        guard let id = call.id else { return HTTPResponse(status: 202) }
        let answer = result(of: call, isFederationView: request.path == "/mcp/federation", now: now)
        return HTTPResponse(status: 200, fields: fields, body: eventStream(of: answer.message(id: id)))
    }

    private func standingStream(for request: ServedRequest) -> HTTPResponse {
        guard (request.fields["Accept"] ?? "").contains("text/event-stream") else { return HTTPResponse(status: 406) }
        guard let session = request.fields["Mcp-Session-Id"] else { return HTTPResponse(status: 422) }
        guard sessions.contains(session) else { return HTTPResponse(status: 404) }
        return HTTPResponse(
            status: 200, fields: ["Content-Type": "text/event-stream"], body: NoemaStandIn.primingEvent)
    }

    private static let primingEvent = Array("id: 0\nretry: 3000\ndata:\n\n".utf8)

    /// A priming event with empty data, keep-alive comments, and the answer.
    private func eventStream(of message: [UInt8]) -> [UInt8] {
        var bytes = NoemaStandIn.primingEvent
        for _ in 0..<max(0, settings.keepAliveComments) { bytes += Array(":\n\n".utf8) }
        return bytes + Array("data: ".utf8) + message + Array("\n\n".utf8)
    }

    /// A request without `Host`, which no HTTP/1.1 client makes, is one of a simulation.
    private func isAllowedHost(_ host: String?) -> Bool {
        guard let host else { return true }
        var name = host[...]
        if name.hasPrefix("[") {
            name = name.dropFirst().prefix { $0 != "]" }
        } else if name.count(where: { $0 == ":" }) == 1 {
            name = name.prefix { $0 != ":" }
        }
        return (["localhost", "127.0.0.1", "::1"] + settings.allowedHosts).contains { $0 == name }
    }

    // MARK: Both

    /// The whole header value counts; there is no way round it, also not for `initialize`.
    private func isAuthorised(_ request: ServedRequest) -> Bool {
        guard let key = settings.sharedKey else { return true }
        return request.fields["Authorization"] == "Bearer " + key
    }

    private static let unauthorised = HTTPResponse(
        status: 401, fields: ["Content-Type": "application/json"],
        body: Array(#"{"error":"unauthorized: NOEMA_MCP_KEY / access.shared_key_file required"}"#.utf8))

    private static let parseError = HTTPResponse(
        status: 400, fields: ["Content-Type": "application/json"],
        body: RPCAnswer.error(code: -32700, "parse error").message(id: Array("null".utf8)))

    private func mediaType(of fields: HTTPFields) -> String {
        let value = (fields["Content-Type"] ?? "").prefix { $0 != ";" }
        return value.filter { $0 != " " }.lowercased()
    }
}

/// One JSON-RPC message from a client.
struct RPCCall: Sendable {
    /// The bytes of the id, to be given back as they came; `nil` for a notification.
    var id: [UInt8]?
    var method: String
    var parameters: JSON?

    init?(_ body: [UInt8]) {
        guard let json = try? JSON(body), json["jsonrpc"]?.string == "2.0", let method = json["method"]?.string else {
            return nil
        }
        // Rust counts from 0, which is an id like any other.
        id = json["id"].map { Array($0.raw) }
        self.method = method
        parameters = json["params"]
    }
}

/// What a call gives.
enum RPCAnswer: Sendable {
    /// JSON, as it stands after `result`.
    case result([UInt8])
    case error(code: Int, String)

    func message(id: [UInt8]) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("jsonrpc", "2.0")
            writer.key("id")
            writer.raw(id)
            switch self {
            case .result(let json):
                writer.key("result")
                writer.raw(json)
            case .error(let code, let message):
                writer.key("error")
                writer.object {
                    $0.member("code", code)
                    $0.member("message", message)
                }
            }
        }
        return writer.bytes
    }
}
