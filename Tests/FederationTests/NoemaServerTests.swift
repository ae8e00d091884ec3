import FederationCore
import FederationCrypto
import FederationTestKit
import Testing

@testable import Federation

/// What `/mcp` answers, and that stock nodes of both lines live on it.
struct NoemaServerTests {
    /// Posts one body.
    private func post(
        _ body: String, to node: LoopedNode, path: String = "/mcp", type: String = "application/json"
    ) throws -> HTTPResponse {
        let request = ServedRequest(method: "POST", path: path, fields: ["Content-Type": type], body: Array(body.utf8))
        return try node.reply(to: request).response(nil)
    }

    /// The text of a tool's answer.
    private func call(
        _ tool: String, _ arguments: String = "{}", on node: LoopedNode
    ) throws -> (text: String, isError: Bool, code: Int64?) {
        let body =
            #"{"jsonrpc":"2.0","id":0,"method":"tools/call","params":{"name":"\#(tool)","arguments":\#(arguments)}}"#
        let response = try post(body, to: node)
        #expect(response.status == 200 && response.fields["Content-Type"] == "application/json")
        let json = try JSON(response.body)
        #expect(json["id"]?.integer == 0)
        let content = json["result"]?["content"]?.array ?? []
        #expect(content.count <= 1 && json["result"]?["structuredContent"] == nil)
        return (
            content.first?["text"]?.string ?? "", json["result"]?["isError"]?.bool ?? false,
            json["error"]?["code"]?.integer
        )
    }

    private func ids(_ text: String) throws -> [String] {
        try JSON(Array(text.utf8)).array?.compactMap { $0["id"]?.string } ?? []
    }

    // MARK: JSON-RPC

    @Test(arguments: ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", "1999-01-01"])
    func initializeEchoesAVersionThatIsKnown(_ version: String) throws {
        let node = try LoopedNode(NoemaWire())
        let response = try post(
            #"{"jsonrpc":"2.0","id":"a","method":"initialize","params":{"protocolVersion":"\#(version)"}}"#, to: node)
        let result = try JSON(response.body)["result"]
        #expect(result?["protocolVersion"]?.string == (version == "1999-01-01" ? "2025-11-25" : version))
        #expect(result?["serverInfo"]?["version"]?.string == node.node.version)
        #expect(result?["capabilities"]?["tools"]?.isObject == true)
        #expect(response.fields["Mcp-Session-Id"] == nil)
    }

    @Test func aBuildWithoutAVersionIsDev() throws {
        var node = try LoopedNode(NoemaWire())
        node.node.version = ""
        let response = try post(#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#, to: node)
        #expect(try JSON(response.body)["result"]?["serverInfo"]?["version"]?.string == "dev")
    }

    @Test(arguments: ["0", "1", "-7", "1.5", "18446744073709551616", #""""#, #""a b\n\"""#])
    func anIDComesBackAsItWasWritten(_ id: String) throws {
        let response = try post(#"{"id":\#(id),"jsonrpc":"2.0","method":"ping"}"#, to: LoopedNode(NoemaWire()))
        #expect(response.status == 200)
        #expect(String(decoding: response.body, as: UTF8.self) == #"{"jsonrpc":"2.0","id":\#(id),"result":{}}"#)
    }

    @Test(arguments: [
        #"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, #"{"jsonrpc":"2.0","method":"tools/call"}"#,
        #"{"jsonrpc":"2.0","id":1,"result":{}}"#, #"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}}"#,
    ])
    func whatAsksForNothingIsAcknowledged(_ body: String) throws {
        let response = try post(body, to: LoopedNode(NoemaWire()))
        #expect(response.status == 202 && response.body.isEmpty)
    }

    @Test(arguments: [
        ("", -32700), ("{", -32700), ("nul", -32700), (#"{"jsonrpc":"2.0"}"#, -32600), ("[]", -32600), ("7", -32600),
        (#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600), (#"{"id":1,"method":"ping"}"#, -32600),
        (#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600), (#"{"jsonrpc":"2.0","id":1,"method":7}"#, -32600),
        (#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600),
        (#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, -32600),
    ])
    func whatIsNoRequestIsRefused(_ body: String, _ code: Int64) throws {
        let response = try post(body, to: LoopedNode(NoemaWire()))
        let json = try JSON(response.body)
        #expect(response.status == 400 && json["id"]?.isNull == true && json["error"]?["code"]?.integer == code)
    }

    @Test func unknownMethodsAndToolsAreRefused() throws {
        let node = try LoopedNode(NoemaWire())
        for method in ["resources/list", "prompts/list", "", "tools/call2", "\\u001b[2J"] {
            let response = try post(#"{"jsonrpc":"2.0","id":1,"method":"\#(method)"}"#, to: node)
            let code = try JSON(response.body)["error"]?["code"]?.integer
            #expect(response.status == 200 && code == -32601)
            #expect(!String(decoding: response.body, as: UTF8.self).contains("u001b"))
        }
        for tool in ["create", "update", "resolve_divergence", ""] { #expect(try call(tool, on: node).code == -32602) }
        for params in ["", #","params":[]"#, #","params":{"name":"cortex_identity","arguments":[]}"#] {
            let response = try post(#"{"jsonrpc":"2.0","id":1,"method":"tools/call"\#(params)}"#, to: node)
            #expect(try JSON(response.body)["error"]?["code"]?.integer == -32602)
        }
    }

    @Test func everyToolIsListedWithItsSchema() throws {
        let response = try post(
            #"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"x"}}"#, to: LoopedNode(NoemaWire()))
        let tools = try JSON(response.body)["result"]?["tools"]?.array ?? []
        #expect(
            tools.map { $0["name"]?.string } == [
                "cortex_identity", "sync_events", "sync_read_signal", "federation_status", "announce_peer",
            ])
        for tool in tools {
            #expect(
                tool["inputSchema"]?["type"]?.string == "object" && tool["inputSchema"]?["properties"]?.isObject == true
            )
            #expect(tool["description"]?.string?.isEmpty == false)
        }
    }

    @Test func otherMethodsPathsAndTypesAreNotServed() throws {
        let node = try LoopedNode(NoemaWire())
        for (method, status) in [("GET", 405), ("DELETE", 405), ("PUT", 405), ("HEAD", 405), ("OPTIONS", 204)] {
            let response = try node.reply(to: ServedRequest(method: method, path: "/mcp")).response(nil)
            #expect(response.status == status && response.fields["Allow"] == "POST, OPTIONS")
        }
        let ping = #"{"jsonrpc":"2.0","id":1,"method":"ping"}"#
        #expect(try post(ping, to: node, path: "/mcp/").status == 200)
        for path in ["/mcp/federation", "/mcpx", "/mcp//", "/mcp/%2e"] {
            #expect(try post(ping, to: node, path: path).status == 404)
        }
        for type in ["", "text/plain", "application/jsonl"] {
            #expect(try post(ping, to: node, type: type).status == 415)
        }
    }

    // MARK: Tools

    @Test func theIdentityIsWrittenAsTheGoLineDoes() throws {
        let node = try LoopedNode(NoemaWire())
        #expect(
            try call("cortex_identity", on: node).text
                == #"{"id":"\#(node.node.id)","mode":"sync","name":"nöde 9","pubkey":"ed25519:key-of-9","version":2}"#)
    }

    @Test(arguments: [
        ("{}", 100), (#"{"limit":1}"#, 1), (#"{"limit":1000}"#, 250), (#"{"limit":1001}"#, 100), (#"{"limit":0}"#, 100),
        (#"{"limit":-5}"#, 100), (#"{"limit":null}"#, 100), (#"{"limit":99999999999999999999}"#, 100),
        (#"{"since":""}"#, 100),
        (#"{"since":null}"#, 100), (#"{"since":"00000000000000000000000000"}"#, 100),
        (#"{"since":"7ZZZZZZZZZZZZZZZZZZZZZZZZZ"}"#, 0), (#"{"since":"ZZZZZZZZZZZZZZZZZZZZZZZZZZ"}"#, 0), ("null", 100),
    ])
    func aPageHasAsManyEventsAsItsLimitSays(_ arguments: String, _ count: Int) throws {
        let answer = try call("sync_events", arguments, on: LoopedNode(NoemaWire(), holding: WireContract.sample(250)))
        #expect(try ids(answer.text).count == count && !answer.isError)
        if count == 0 { #expect(answer.text == "[]") }
    }

    @Test(arguments: [
        "x", "01kdvdna010000000000000000", "01KDVDNA01000000000000000", "01KDVDNA0100000000000000000",
        "U1KDVDNA010000000000000000",
    ])
    func aCursorThatIsNoULIDIsRefusedInWords(_ since: String) throws {
        let answer = try call("sync_events", #"{"since":"\#(since)"}"#, on: LoopedNode(NoemaWire()))
        #expect(answer.isError && answer.text.contains("ULID cursor"))
    }

    @Test(arguments: [#"{"since":7}"#, #"{"limit":"7"}"#, #"{"limit":1.5}"#, #"{"limit":1e2}"#, #"{"limit":true}"#])
    func anArgumentOfAnotherTypeIsInvalid(_ arguments: String) throws {
        #expect(try call("sync_events", arguments, on: LoopedNode(NoemaWire())).code == -32602)
        #expect(try call("sync_read_signal", arguments, on: LoopedNode(NoemaWire())).code == -32602)
    }

    @Test func aCursorIsExclusiveAndNeedNotExist() throws {
        let events = WireContract.sample(5)
        let node = try LoopedNode(NoemaWire(), holding: events.reversed())
        let known = try call("sync_events", #"{"since":"\#(events[2].id)"}"#, on: node)
        #expect(try ids(known.text) == events[3...].map(\.id.description))
        let between = ULID(high: events[2].id.high, low: events[2].id.low + 1)
        let unknown = try call("sync_events", #"{"since":"\#(between)"}"#, on: node)
        #expect(unknown.text == known.text)
    }

    @Test func aSubscriberRefusesEventsAndSaysWhoItIs() throws {
        var node = try LoopedNode(NoemaWire(), mode: .subscribe, holding: WireContract.sample(2))
        for tool in ["sync_events", "sync_read_signal"] {
            let answer = try call(tool, on: node)
            #expect(answer.isError && answer.text.contains("subscribe mode"))
        }
        #expect(try call("cortex_identity", on: node).text.contains(#""mode":"subscribe""#))
        node.node.mode = .publish
        #expect(try ids(try call("sync_events", on: node).text).count == 2)
    }

    @Test func theOtherToolsAnswer() throws {
        let node = try LoopedNode(NoemaWire())
        #expect(try call("sync_read_signal", #"{"since":"2026-01-01T00:00:00Z","limit":500}"#, on: node).text == "[]")
        #expect(try call("federation_status", on: node).text == "All is well.")
    }

    @Test(arguments: [
        (#"{"name":"beta","endpoint":"https://beta.example:3000"}"#, false),
        (#"{"name":"b","endpoint":"HTTP://[::1]:7/x"}"#, false),
        (#"{"name":"b","endpoint":"ftp://beta"}"#, true), (#"{"name":"b","endpoint":"http://"}"#, true),
        (#"{"name":"b","endpoint":"http:///x"}"#, true), (#"{"name":"b","endpoint":"http://a b"}"#, true),
        (#"{"name":"nöde 9","endpoint":"http://beta"}"#, true),
    ])
    func anAnnouncementIsOnlyAcknowledged(_ arguments: String, _ isRefused: Bool) throws {
        let node = try LoopedNode(NoemaWire())
        let answer = try call("announce_peer", arguments, on: node)
        #expect(answer.isError == isRefused && answer.code == nil)
        #expect(!answer.text.contains("beta"))
    }

    @Test(arguments: ["{}", #"{"name":"b"}"#, #"{"endpoint":"http://b"}"#, #"{"name":7,"endpoint":"http://b"}"#])
    func anAnnouncementNamesBoth(_ arguments: String) throws {
        #expect(try call("announce_peer", arguments, on: LoopedNode(NoemaWire())).code == -32602)
    }

    // MARK: The log as served

    @Test func whatIsWithheldDoesNotShortenAPage() throws {
        var events: [Event] = []
        for number in 0..<300 {
            let isServed = number % 3 == 0
            events.append(
                Sample.event(
                    Sample.id(Int64(number)), isServed ? "create" : "brand_new_action", "20260101-note-\(number)",
                    origin: 9,
                    clock: [9: UInt64(number) + 1]))
        }
        let node = try LoopedNode(NoemaWire(), holding: events)
        let served = events.enumerated().filter { $0.offset % 3 == 0 }.map(\.element.id.description)
        #expect(try ids(try call("sync_events", #"{"limit":60}"#, on: node).text) == Array(served.prefix(60)))
        #expect(try ids(try call("sync_events", on: node).text) == served)
        #expect(try call("sync_events", #"{"since":"\#(events[297].id)"}"#, on: node).text == "[]")
    }

    @Test func anEarlyEventIsServedOnceItsTimeHasCome() throws {
        let hour = Int64(3_600_000)
        let events = [Sample.event(Sample.id(0)), Sample.event(Sample.id(hour), "update")]
        var node = try LoopedNode(NoemaWire(), now: Sample.time(hour - 300_001), holding: events)
        #expect(try ids(try call("sync_events", on: node).text).count == 1)
        node.now = Sample.time(hour - 300_000)
        #expect(try ids(try call("sync_events", on: node).text).count == 2)
    }

    @Test func aPageIsCutAtItsBytesButHoldsAtLeastOneEvent() throws {
        let events = WireContract.sample(10)
        let node = try LoopedNode(NoemaWire(), holding: events)
        let longest = events.map(\.json.count).max() ?? 0
        var log = NoemaServedLog(view: node.log, now: node.now, sha256: sha256, pageBytes: 3 * longest + 10)
        let cut = try log.page(since: nil, limit: 100)
        #expect(cut.count <= log.pageBytes)
        #expect(try ids(String(decoding: cut, as: UTF8.self)) == events[..<3].map(\.id.description))
        log.pageBytes = 1
        #expect(try ids(String(decoding: try log.page(since: events[3].id, limit: 100), as: UTF8.self)).count == 1)
    }

    // MARK: Stock nodes

    private static func standIn(_ rules: NoemaRules, _ name: String, _ number: UInt64) -> NoemaStandIn {
        NoemaStandIn(NoemaSettings(rules, name: name, id: Sample.node(number), peers: [.init("ours")], seed: number))
    }

    @Test(arguments: NoemaRules.allCases) func aStockNodePullsFromUs(_ rules: NoemaRules) throws {
        let events = WireContract.sample(205)
        var node = try LoopedNode(NoemaWire(), holding: events)
        node.node.publicKey = nil
        var puller = NoemaServerTests.standIn(rules, "puller", 5)
        for _ in 0..<3 {
            let step = puller.poll("ours", now: node.now) { [node] request in
                do { return .response(try node.reply(to: request).response(nil)) } catch { return .transport(.reset) }
            }
            #expect(step == .done)
        }
        #expect(puller.events.map(\.id) == events.map(\.id.description))
        #expect(puller.events.map(\.data) == events.map(\.data))
        #expect(puller.health(of: "ours").version == node.node.version)
    }

    @Test(arguments: NoemaRules.allCases) func aStockNodeIsPulledByUs(_ rules: NoemaRules) throws {
        var server = NoemaServerTests.standIn(rules, "server", 5)
        var now = Sample.time(0)
        for number in 0..<205 {
            now = Sample.time(Int64(number) * 1000)
            try server.create(.init("Note \(number)", body: "text <\(number)> & more"), now: now)
        }
        let context = LoopedNode.context(now: now)
        let run = WireRun(NoemaWire().exchange(), context) {
            .response(server.respond(to: ServedRequest($1), now: now))
        }
        #expect(run.failure == nil && run.identities.first?.id == Sample.node(5))
        #expect(run.events.map(\.id.description) == server.events.map(\.id))
        #expect(run.requests.last?.method == .delete)
    }

    /// From one stock node through us to another: not a byte of `data` is touched on our side.
    @Test func dataGoesThroughUsByteForByte() throws {
        var source = NoemaServerTests.standIn(.rust, "source", 5)
        let now = Sample.time(1000)
        try source.create(.init("Quotes \" and <tags> &", body: "a\tb\\c/d <é> & \u{2028} 👋"), now: now)
        let run = WireRun(NoemaWire().exchange(), LoopedNode.context(now: now)) {
            .response(source.respond(to: ServedRequest($1), now: now))
        }
        var node = try LoopedNode(NoemaWire(), now: now)
        let intake = Intake(IntakePolicy(node: node.node.id, sha256: sha256, isOwnSignature: { _, _ in false }))
        for page in run.pages {
            let outcome = try node.log.transaction { try intake.take(page, from: "source", now: now, into: &$0) }
            #expect(outcome.applied == 1 && outcome.refused == 0)
        }
        let through = try node.poll()
        #expect(through.events == run.events && run.events.count == 1)
        #expect(through.events.map(\.data) == source.events.map(\.data))
    }
}
