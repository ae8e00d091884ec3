import Federation
import FederationConfig
import FederationCore
import FederationCrypto
import FederationTestKit
import Testing

/// Facts 36 to 38: what is served, and in which mode.
@Suite struct NoemaFactsMCP {
    @Test(arguments: NoemaRules.allCases)
    func fact36TheServerSaysItsNameAndVersion(rules: NoemaRules) {
        var settings = NoemaSettings(rules, name: "server", id: StandInPair.serverID)
        for (version, shown) in [("v0.9.1", "v0.9.1"), ("", "dev")] {
            settings.version = version
            var server = NoemaStandIn(settings)
            var client = Client()
            let info = client.initialize { server.respond(to: $0, now: noon) }?["serverInfo"]
            #expect(info?["name"]?.string == "noema")
            #expect(info?["version"]?.string == shown)
        }
    }

    @Test func fact36OursSaysItsOwnName() {
        for (version, shown) in [("1.2.0", "1.2.0"), ("", "dev")] {
            var client = Client()
            let info = client.initialize(answers(version: version))?["serverInfo"]
            #expect(info?["name"]?.string == "federation")
            #expect(info?["version"]?.string == shown)
        }
    }

    @Test(arguments: NoemaRules.allCases)
    func fact37APublishingNodeIsNotWrittenToAndASubscribingOneServesNothing(rules: NoemaRules) throws {
        var settings = NoemaSettings(rules, name: "server", id: StandInPair.serverID)
        settings.mode = .publish
        var publishing = NoemaStandIn(settings)
        try publishing.create(.init("Trace", body: "text"), now: noon)
        var client = Client()
        client.initialize { publishing.respond(to: $0, now: noon) }
        let write = client.call("resolve_divergence", #"{"id":"x","body":"y"}"#) {
            publishing.respond(to: $0, now: noon)
        }
        #expect(write?.refusal?.contains("publish mode") == true)
        // Go says it in the result, Rust as an error.
        #expect(write?.isResult == (rules == .go))
        for tool in ["sync_events", "federation_status", "cortex_identity"] {
            let answer = client.call(tool) { publishing.respond(to: $0, now: noon) }
            #expect(answer?.text?.isEmpty == false, "\(tool)")
        }

        settings.mode = .subscribe
        var subscribing = NoemaStandIn(settings)
        client = Client()
        client.initialize { subscribing.respond(to: $0, now: noon) }
        for tool in ["sync_events", "sync_read_signal"] {
            let answer = client.call(tool) { subscribing.respond(to: $0, now: noon) }
            #expect(answer?.refusal?.contains("subscribe mode") == true)
        }
        #expect(client.call("cortex_identity") { subscribing.respond(to: $0, now: noon) }?.text != nil)
        try subscribing.create(.init("Trace", body: "text"), now: noon)
    }

    @Test func fact37OursServesInPublishModeAndNothingInSubscribeMode() throws {
        var client = Client()
        client.initialize(answers(mode: .publish))
        for tool in ["sync_events", "federation_status", "cortex_identity"] {
            #expect(client.call(tool, through: answers(mode: .publish))?.text?.isEmpty == false, "\(tool)")
        }
        for tool in ["sync_events", "sync_read_signal"] {
            let answer = client.call(tool, through: answers(mode: .subscribe))
            #expect(answer?.refusal?.contains("subscribe mode") == true)
        }
        // There is no tool that writes, in any mode.
        for tool in ["create", "update", "append", "delete", "recover", "archive", "unarchive", "resolve_divergence"] {
            #expect(client.call(tool, through: answers(mode: .publish))?.isResult == false)
        }
    }

    @Test func fact38OurModesAreNamedOrRefused() throws {
        func decode(_ text: String) -> Result<DecodedConfig, ConfigProblems> {
            Config.decode(Array("name: alpha\n\(text)\n".utf8))
        }
        #expect(try decode("").get().config.mode == .sync)
        #expect(throws: ConfigProblems.self) { try decode("mode:").get() }
        let broadcast = #expect(throws: ConfigProblems.self) { try decode("mode: broadcast").get() }
        #expect(broadcast?.problems.first?.reason.text.contains("'broadcast'") == true)
        let push = "peers: [{name: beta, endpoint: 'http://127.0.0.1:1', mode: push}]"
        let pushed = #expect(throws: ConfigProblems.self) { try decode(push).get() }
        let line = try #require(pushed?.problems.first).line(in: "federation.yaml")
        #expect(line.contains("peers[0].mode") && line.contains("'push'"))
    }

    /// The routes of our Noema wire over an empty log.
    private func answers(mode: NodeMode = .sync, version: String = "1.2.0") -> (ServedRequest) -> HTTPResponse? {
        { request in
            let identity = NodeIdentity(
                id: StandInPair.serverID, name: "ours", version: version, mode: mode, publicKey: nil)
            let context = RouteContext(
                node: identity, now: noon, nonce: (1, 2), sha256: sha256, peerName: nil,
                statusText: { _ in "all is well" })
            let reply = try? NoemaWire().respond(to: request, context: context, view: MemoryStorage())
            return reply?.response(nil)
        }
    }
}

/// An MCP client as plain as can be.
struct Client {
    private var session: String?
    private var count = 0

    /// A tool's answer, whichever way it came.
    struct Answer {
        var text: String?
        var refusal: String?
        /// It came as a result, not as a JSON-RPC error.
        var isResult: Bool
    }

    @discardableResult
    mutating func initialize(_ serve: (ServedRequest) -> HTTPResponse?) -> JSON? {
        let parameters =
            #"{"protocolVersion":"2025-11-25","clientInfo":{"name":"test","version":"1"},"capabilities":{}}"#
        return send("initialize", parameters, serve)?["result"]
    }

    mutating func call(
        _ tool: String, _ arguments: String = "{}", through serve: (ServedRequest) -> HTTPResponse?
    ) -> Answer? {
        let parameters = #"{"name":"\#(tool)","arguments":\#(arguments)}"#
        guard let message = send("tools/call", parameters, serve) else { return nil }
        guard let result = message["result"] else {
            return Answer(text: nil, refusal: message["error"]?["message"]?.string, isResult: false)
        }
        let text = result["content"]?.array?.first?["text"]?.string
        let isError = result["isError"]?.bool == true
        return Answer(text: isError ? nil : text, refusal: isError ? text : nil, isResult: true)
    }

    private mutating func send(
        _ method: String, _ parameters: String, _ serve: (ServedRequest) -> HTTPResponse?
    ) -> JSON? {
        var fields: HTTPFields = [
            "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
        ]
        if let session { fields["Mcp-Session-Id"] = session }
        let body = #"{"jsonrpc":"2.0","id":\#(count),"method":"\#(method)","params":\#(parameters)}"#
        count += 1
        guard let response = serve(ServedRequest(method: "POST", path: "/mcp", fields: fields, body: Array(body.utf8)))
        else { return nil }
        if let given = response.fields["Mcp-Session-Id"] { session = given }
        // Of an event stream, the last line with data.
        let lines = response.body.split(separator: 0x0A)
        let data = lines.last { $0.starts(with: "data: {".utf8) }.map { Array($0.dropFirst(6)) } ?? response.body
        return try? JSON(data)
    }
}
