import FederationCore

/// One call of MCP, as a Noema node hears it.
struct MCPCall: Sendable {
    var id: String?
    var method: String
    var tool: String
    var since: String
    /// Whether it is answered with an event stream.
    var isStream = false

    init?(_ request: HeardRequest) {
        guard request.method == "POST", let call = try? JSON(request.body) else { return nil }
        id = call["id"].map { String(decoding: $0.raw, as: UTF8.self) }
        method = call["method"]?.string ?? ""
        tool = call["params"]?["name"]?.string ?? ""
        since = call["params"]?["arguments"]?["since"]?.string ?? ""
    }

    /// What an honest node of Noema answers; its log is empty.
    func honest(_ scene: HostileScene) -> HostileAnswer {
        guard id != nil else { return .response(HTTPResponse(status: 202)) }
        switch (method, tool) {
        case ("initialize", _):
            return result(#"{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"noema","version":"v0.18.0"}}"#)
        case (_, "cortex_identity"): return text(MCPCall.identity(scene))
        default: return text("[]")
        }
    }

    static func identity(_ scene: HostileScene) -> String {
        #"{"id":"\#(scene.node.id)","mode":"sync","name":"\#(scene.node.name)","pubkey":"\#(scene.node.publicKey)","version":2}"#
    }

    /// The result of a tool: one text.
    func text(_ text: String) -> HostileAnswer {
        var writer = JSONWriter()
        writer.string(text)
        return result(#"{"content":[{"type":"text","text":\#(String(decoding: writer.bytes, as: UTF8.self))}]}"#)
    }

    /// - Parameters:
    ///   - result: as JSON.
    ///   - id: of the request that is answered, as JSON, if it is another.
    func result(_ result: String, id other: String? = nil, fields: HTTPFields = [:]) -> HostileAnswer {
        message(#"{"jsonrpc":"2.0","id":\#(other ?? id ?? "null"),"result":\#(result)}"#, fields)
    }

    func message(_ text: String, _ fields: HTTPFields = [:]) -> HostileAnswer {
        isStream ? stream("event: message\ndata: \(text)\n\n") : json(text, fields)
    }

    func json(_ text: String, _ fields: HTTPFields = [:]) -> HostileAnswer {
        var fields = fields
        fields["Content-Type"] = "application/json"
        return .response(HTTPResponse(status: 200, fields: fields, body: Array(text.utf8)))
    }

    func stream(_ text: String) -> HostileAnswer {
        .response(HTTPResponse(status: 200, fields: ["Content-Type": "text/event-stream"], body: Array(text.utf8)))
    }
}

/// What a Noema node can do with MCP and event streams.
extension PeerAttack {
    /// An attack on one step of a conversation: the method, or the tool that is called. The others are honest.
    private static func tool(
        _ name: String, _ summary: String, _ signs: [Sign], on step: String, stream: Bool = false, takes: Int = 0,
        lines: [String] = [], _ answer: @escaping @Sendable (MCPCall, HostileScene) -> HostileAnswer
    ) -> PeerAttack {
        PeerAttack(name, summary, signs, lines: ["wire: noema"] + lines, takes: takes) { request, scene in
            guard request.path == "/mcp" else { return .response(HTTPResponse(status: 404)) }
            guard var call = MCPCall(request) else { return .response(HTTPResponse(status: 200)) }
            call.isStream = stream
            return call.method == step || call.tool == step ? answer(call, scene) : call.honest(scene)
        }
    }

    private static func lines(_ events: [Event]) -> String { "[" + events.map(\.text).joined(separator: ",") + "]" }

    static let tools = messages + streams + toolPages

    private static let messages = [
        tool("answer-to-another", "Answers another request than was asked.", [.fails(.other)], on: "cortex_identity") { call, _ in
            call.result("{}", id: "4096")
        },
        tool("batch-of-answers", "Answers with ten thousand messages at one time.", [.fails(.other)], on: "cortex_identity") {
            call, _ in
            let one = #"{"jsonrpc":"2.0","id":\#(call.id ?? "1"),"result":{}}"#
            return call.json("[" + [String](repeating: one, count: 10_000).joined(separator: ",") + "]")
        },
        tool("result-of-nothing", "Answers with a result that is null.", [.fails(.other)], on: "initialize") { call, _ in
            call.result("null")
        },
        tool("version-nobody-speaks", "Speaks a version of MCP that there is not.", [.fails(.other)], on: "initialize") { call, _ in
            call.result(#"{"protocolVersion":"1900-01-01","capabilities":{},"serverInfo":{}}"#)
        },
        tool("session-of-300", "Gives a session id of 300 characters.", [.fails(.other)], on: "initialize") { call, _ in
            call.result(#"{"protocolVersion":"2025-06-18","capabilities":{}}"#, fields: [
                "Mcp-Session-Id": String(repeating: "s", count: 300)
            ])
        },
        tool("errors-of-the-tool", "Refuses the tool that names it.", [.fails(.identityMissing)], on: "cortex_identity") { call, _ in
            call.message(#"{"jsonrpc":"2.0","id":\#(call.id ?? "1"),"error":{"code":-32601,"message":"\u001b[2J"}}"#)
        },
        tool("manifest-of-old", "Shows a manifest that is too old.", [.fails(.invalidFrontmatter)], on: "cortex_identity") {
            $0.text(#"{"id":"\#($1.node.id)","name":"old","version":1}"#)
        },
        tool("identity-of-prose", "Says who it is in prose.", [.fails(.other)], on: "cortex_identity") { call, _ in
            call.text("I am a cortex. \u{1B}[2J")
        },
        tool("answer-in-html", "Answers MCP with a page for people.", [.fails(.other)], on: "initialize") { _, _ in
            .response(HTTPResponse(status: 200, fields: ["Content-Type": "text/html"], body: Array("<html>".utf8)))
        },
        tool("deep-answer", "Answers MCP nested 100,000 deep.", [.fails(.other)], on: "cortex_identity") { call, _ in
            call.result(String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000))
        },
    ]

    private static let streams = [
        tool("stream-without-an-answer", "Streams events of which none answers.", [.fails(.other)], on: "cortex_identity", stream: true) {
            call, _ in
            call.stream(String(repeating: #"data: {"jsonrpc":"2.0","method":"notifications/progress"}"# + "\n\n", count: 1000))
        },
        tool("stream-of-comments", "Streams comments without end.", [.fails(.other)], on: "cortex_identity") { _, _ in
            .act { socket in
                socket.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
                let comments = Array(String(repeating: ": still here\n\n", count: 4000).utf8)
                while socket.send(comments) {}
            }
        },
        tool("stalled-stream", "Streams a comment now and then, and never the answer.", [.fails(.networkTimeout)],
            on: "cortex_identity", lines: ["timeout: 2s"]
        ) { _, _ in
            .act { socket in
                socket.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
                while socket.send(": still here\n\n") { socket.rest(milliseconds: 200) }
            }
        },
        tool("half-an-event", "Ends the stream within an event.", [.fails(.other)], on: "cortex_identity") { call, _ in
            call.stream("event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":\(call.id ?? "1"),\"resul")
        },
        tool("one-event-in-many-lines", "Streams an event of 100,000 lines of brackets.", [.fails(.other)], on: "cortex_identity") {
            call, _ in call.stream(String(repeating: "data: [\n", count: 100_000) + "\n")
        },
    ]

    private static let toolPages = [
        tool("ids-that-go-back", "Gives events in falling order.", [.fails(.other)], on: "sync_events") {
            $0.text(lines([$1.node.event(2), $1.node.event(1)]))
        },
        tool("more-than-asked", "Gives 101 events where 100 were asked for.", [.fails(.other)], on: "sync_events", stream: true) {
            call, scene in call.text(lines((1...101).map { scene.node.event(UInt64($0)) }))
        },
        tool("tool-page-for-ever", "Gives one page of 100 for ever.", [.fails(.other)], on: "sync_events", stream: true, takes: 100) {
            call, scene in call.text(lines((1...100).map { scene.node.event(UInt64($0)) }))
        },
        tool("page-of-brackets", "Gives a page of a million brackets.", [.fails(.other)], on: "sync_events") { call, _ in
            call.text(String(repeating: "[", count: 1_000_000))
        },
        tool("tool-that-fails", "Refuses every page.", [.fails(.other)], on: "sync_events") { call, _ in
            call.result(#"{"isError":true,"content":[{"type":"text","text":"\u001b[2J"}]}"#)
        },
        tool("tool-forgery", "Gives another's event over MCP with its own signature.", [.refuses("swapped_key")], on: "sync_events",
            stream: true, takes: 1
        ) { call, scene in
            var second = scene.bystander.event(2)
            scene.node.seal(&second)
            return call.text(lines([scene.bystander.event(1), second]))
        },
    ]
}
