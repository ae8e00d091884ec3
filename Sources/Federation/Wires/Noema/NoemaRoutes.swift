import FederationCore

/// What `/mcp` serves: MCP over Streamable HTTP without sessions or streams (Noema section 2.5).
struct NoemaRoutes {
    let context: RouteContext
    let view: any LogReading
    /// The numeric address of who asks.
    var remoteAddress = ""
    /// What the request suggests, once it is answered.
    private(set) var announcement: Announcement?

    init(context: RouteContext, view: any LogReading, remoteAddress: String = "") {
        self.context = context
        self.view = view
        self.remoteAddress = remoteAddress
    }

    /// What handling one message can end in beside an answer.
    private enum Trouble: Error {
        case refused(JSONRPC.Failure)
        case store(StoreFailure)
    }

    mutating func reply(to request: ServedRequest) throws(StoreFailure) -> RouteReply {
        guard request.path == "/mcp" || request.path == "/mcp/" else { return RouteReply(HTTPResponse(status: 404)) }
        guard request.method == "POST" else { return RouteReply(.otherMethod(than: "POST", asked: request.method)) }
        guard request.fields.mediaType == "application/json" else { return RouteReply(HTTPResponse(status: 415)) }
        let incoming: JSONRPCIncoming
        do { incoming = try JSONRPCIncoming(body: request.body) } catch {
            return RouteReply(.json(400, JSONRPC.error(id: nil, error)))
        }
        guard case .request(let id, let method, let params) = incoming else { return RouteReply(HTTPResponse(status: 202)) }
        do throws(Trouble) {
            let (body, isRefused) = try answer(id: id, method: method, params: params)
            var reply = RouteReply(.json(200, body))
            reply.isRefusedCall = isRefused
            return reply
        } catch {
            switch error {
            case .refused(let failure):
                var reply = RouteReply(.json(200, JSONRPC.error(id: id, failure)))
                reply.isRefusedCall = true
                return reply
            case .store(let failure): throw failure
            }
        }
    }

    private mutating func answer(
        id: [UInt8], method: String, params: JSON?
    ) throws(Trouble) -> (body: [UInt8], isRefused: Bool) {
        switch method {
        case "initialize": return (initialize(id: id, params: params), false)
        case "ping": return (JSONRPC.result(id: id) { _ in }, false)
        case "tools/list": return (listTools(id: id), false)
        case "tools/call":
            let result = try call(params)
            return (JSONRPC.result(id: id) { result.write(to: &$0) }, result.isError)
        default:
            throw .refused(
                JSONRPC.Failure(
                    code: .methodNotFound, message: "method '\(method.escapedForTerminal(limit: 64))' not found"))
        }
    }

    private func initialize(id: [UInt8], params: JSON?) -> [UInt8] {
        let asked = params?["protocolVersion"]?.string ?? ""
        return JSONRPC.result(id: id) { writer in
            writer.member(
                "protocolVersion", MCP.protocolVersions.contains(asked) ? asked : MCP.protocolVersions[0])
            writer.key("capabilities")
            writer.object { writer in
                writer.key("tools")
                writer.object { _ in }
                writer.key("experimental")
                writer.object {
                    $0.key(MCP.nativeCapability)
                    $0.object { _ in }
                }
            }
            writer.key("serverInfo")
            writer.object {
                $0.member("name", "federation")
                $0.member("version", context.node.version.isEmpty ? "dev" : context.node.version)
            }
        }
    }

    private func listTools(id: [UInt8]) -> [UInt8] {
        JSONRPC.result(id: id) { writer in
            writer.key("tools")
            writer.array { writer in
                for tool in NoemaTool.allCases {
                    writer.object { writer in
                        writer.member("name", tool.rawValue)
                        writer.member("description", tool.description)
                        writer.key("inputSchema")
                        tool.writeSchema(to: &writer)
                    }
                }
            }
        }
    }

    private mutating func call(_ params: JSON?) throws(Trouble) -> MCPToolResult {
        let name = params?["name"]?.string ?? ""
        guard let tool = NoemaTool(rawValue: name) else {
            let shown = name.escapedForTerminal(limit: 64)
            throw .refused(JSONRPC.Failure(code: .invalidParams, message: "tool '\(shown)' not found"))
        }
        do {
            return try run(tool, try NoemaArguments(params?["arguments"]))
        } catch let failure as JSONRPC.Failure {
            throw .refused(failure)
        } catch let failure as StoreFailure {
            throw .store(failure)
        } catch {
            throw .refused(JSONRPC.Failure(code: .internalError, message: "internal error"))
        }
    }

    private mutating func run(_ tool: NoemaTool, _ arguments: NoemaArguments) throws -> MCPToolResult {
        switch tool {
        case .identity: return MCPToolResult(text: NoemaIdentity.text(of: context.node))
        case .status: return MCPToolResult(text: try context.statusText(view))
        case .announce:
            return announce(name: try arguments.requiredText("name"), endpoint: try arguments.requiredText("endpoint"))
        case .readSignal:
            _ = try arguments.text("since")
            _ = try arguments.limit()
            return servesNothing ?? MCPToolResult(text: "[]")
        case .events:
            let limit = try arguments.limit()
            let text = try arguments.text("since") ?? ""
            if let refusal = servesNothing { return refusal }
            var since: ULID?
            if !text.isEmpty {
                guard let cursor = ULID(cursor: text) else {
                    return MCPToolResult(
                        text: "since must be a valid ULID cursor (26 characters of Crockford base32)", isError: true)
                }
                since = cursor
            }
            let log = NoemaServedLog(view: view, now: context.now, sha256: context.sha256)
            let page = try log.page(since: since, limit: limit)
            return MCPToolResult(text: String(decoding: page, as: UTF8.self))
        }
    }

    private var servesNothing: MCPToolResult? {
        guard !context.node.mode.serves else { return nil }
        return MCPToolResult(text: "this node is in subscribe mode: it serves no events", isError: true)
    }

    /// Acknowledges, and keeps it for a person to look at: a stranger's URL is not asked for anything.
    private mutating func announce(name: String, endpoint: String) -> MCPToolResult {
        guard isWebURL(endpoint) else {
            return MCPToolResult(text: "endpoint must be an http or https URL", isError: true)
        }
        guard name != context.node.name else {
            return MCPToolResult(text: "the name is this node's own", isError: true)
        }
        if PeerName.isValid(name), let url = try? AnnouncedURL(endpoint) {
            announcement = Announcement(
                name: name, endpoint: url.text, by: context.peerName.map { "peer \($0)" } ?? remoteAddress, at: context.now)
        }
        return MCPToolResult(
            text: "Noted. A peer is added by naming it in this node's configuration; nothing was changed there.")
    }

    private func isWebURL(_ text: String) -> Bool {
        guard text.utf8.count <= Limits.eventTextBytes, text.isHeaderToken else { return false }
        for scheme in ["http://", "https://"] where text.lowercased().hasPrefix(scheme) {
            return text.utf8.dropFirst(scheme.utf8.count).first.map { $0 != 0x2F } ?? false
        }
        return false
    }
}
