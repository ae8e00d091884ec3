import FederationCore
import FederationTestKit
import Testing

@testable import Federation

/// The client side of the Noema wire, against answers spelt out byte by byte (Noema section 2.2).
struct NoemaClientTests {
    /// A server that answers `tools/call` and `initialize` with these texts of JSON, and keeps what it was asked.
    struct Script {
        var initialize =
            #"{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true}},"#
            + #""serverInfo":{"name":"noema","version":"v0.9.1"}}"#
        var identity = Script.text(#"{"id":"01KNJX4991ASW6NNKS9BQHNCGB","mode":"sync","name":"alpha","version":2}"#)
        /// The text of each page in turn; after them an empty one.
        var pages: [String] = []
        var session: String?
        /// Whether answers come as a stream of events, with a first event that has no data.
        var streams = false
        var error: [String: String] = [:]

        static func text(_ text: String) -> String {
            var writer = JSONWriter()
            writer.object { MCPToolResult(text: text).write(to: &$0) }
            return String(decoding: writer.bytes, as: UTF8.self)
        }

        func poll(_ context: ExchangeContext = LoopedNode.context()) throws -> WireRun {
            var page = 0
            return try WireRun(NoemaExchange(), context) { _, request in
                guard request.method == .post else { return .response(HTTPResponse(status: 405)) }
                let json = try JSON(request.body)
                guard let id = json["id"] else { return .response(HTTPResponse(status: 202)) }
                var name = json["method"]?.string ?? ""
                if name == "tools/call" { name = json["params"]?["name"]?.string ?? "" }
                if let error = error[name] { return answer(id, "\"error\":" + error) }
                switch name {
                case "initialize": return answer(id, "\"result\":" + initialize, first: true)
                case "cortex_identity": return answer(id, "\"result\":" + identity)
                case "sync_events":
                    page += 1
                    return answer(id, "\"result\":" + (page <= pages.count ? pages[page - 1] : Script.text("[]")))
                default: return answer(id, #""error":{"code":-32601,"message":"method not found"}"#)
                }
            }
        }

        private func answer(_ id: JSON, _ member: String, first: Bool = false) -> ExchangeAnswer {
            let message = "{\"jsonrpc\":\"2.0\",\"id\":\(String(decoding: id.raw, as: UTF8.self)),\(member)}"
            var response = HTTPResponse(
                status: 200, fields: ["Content-Type": "application/json"], body: Array(message.utf8))
            if streams {
                response.fields = [
                    "Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no",
                ]
                response.body = Array("id: 0\nretry: 3000\ndata:\n\n:\n\ndata: \(message)\n\n".utf8)
            }
            if first { response.fields["Mcp-Session-Id"] = session }
            return .response(response)
        }
    }

    static func event(_ id: String, _ rest: String = "") -> String {
        #"{"id":"\#(id)","action":"create","trace_id":"20260405-hello","cortex_id":"01KNJX4991ASW6NNKS9BQHNCGB","#
            + #""origin":"alpha","timestamp":"2026-04-05T12:00:00Z","data":{"title":"Hello","type":"note","body":""}\#(rest)}"#
    }

    static func id(_ number: Int) -> String { Sample.id(Int64(number)).description }

    static func page(_ ids: [String]) -> String {
        Script.text("[" + ids.map { event($0) }.joined(separator: ",") + "]")
    }

    // MARK: Shapes

    @Test func theGoLineIsAskedAndReadToTheHeader() throws {
        var script = Script()
        script.session = "mcp-session-6f1c1a52-2f0b-4c0e-9a6c-0f4f0d3f7a11"
        script.pages = [NoemaClientTests.page([NoemaClientTests.id(1_000_001), NoemaClientTests.id(1_000_002)])]
        let run = try script.poll(LoopedNode.context(cursor: Sample.id(1_000_000), now: Sample.time(2_000_000)))
        #expect(run.ending == .success(ExchangeProgress(isComplete: true, wire: .noema)))
        #expect(run.events.map(\.id) == [Sample.id(1_000_001), Sample.id(1_000_002)])
        #expect(run.identities.first?.name == "alpha" && run.identities.first?.version == "v0.9.1")

        let bodies = run.requests.map { String(decoding: $0.body, as: UTF8.self) }
        let since = ULID(floorOf: Sample.time(400_000))
        #expect(
            bodies == [
                #"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","#
                    + #""clientInfo":{"name":"federation","version":"1.2.8"},"capabilities":{}}}"#,
                #"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
                #"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"cortex_identity","arguments":{}}}"#,
                #"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"sync_events","#
                    + #""arguments":{"limit":100,"since":"\#(since)"}}}"#,
                "",
            ])
        #expect(run.requests.map(\.method) == [.post, .post, .post, .post, .delete])
        for (index, request) in run.requests.enumerated() {
            #expect(request.target == "/mcp")
            #expect(request.fields["Mcp-Session-Id"] == (index == 0 ? nil : script.session))
            #expect(request.fields["MCP-Protocol-Version"] == (index == 0 ? nil : "2025-11-25"))
            #expect(request.fields["Origin"] == nil)
            guard request.method == .post else { continue }
            #expect(request.fields["Content-Type"] == "application/json")
            #expect(request.fields["Accept"] == "application/json, text/event-stream")
        }
    }

    @Test func theRustLineIsReadFromItsStreams() throws {
        var script = Script()
        script.streams = true
        script.session = "b0f7d8f0"
        script.initialize =
            #"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"#
            + #""serverInfo":{"name":"noema","version":"0.21.0"}}"#
        script.pages = [NoemaClientTests.page([NoemaClientTests.id(1)])]
        let run = try script.poll()
        #expect(run.failure == nil && run.events.count == 1)
        #expect(run.identities.first?.version == "0.21.0")
        #expect(run.requests.last?.method == .delete)
    }

    @Test func withoutASessionNothingIsClosed() throws {
        #expect(try Script().poll().requests.map(\.method) == [.post, .post, .post, .post])
    }

    @Test func aSessionIsClosedAfterAFailureToo() throws {
        var script = Script()
        script.session = "s"
        script.error["cortex_identity"] = #"{"code":-32603,"message":"disk"}"#
        let run = try script.poll()
        #expect(run.failure == .remoteError(code: -32603))
        #expect(run.requests.last?.method == .delete)
    }

    @Test(arguments: ["a b", "", "ü", String(repeating: "x", count: 257), "x\r\nX-Evil: 1"])
    func aSessionIDThatCannotStandInAHeaderIsAViolation(_ session: String) throws {
        var script = Script()
        script.session = session
        #expect(try script.poll().failure == .malformed(.headerInvalid))
    }

    @Test(arguments: ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"])
    func aKnownProtocolVersionIsSpoken(_ version: String) throws {
        var script = Script()
        script.initialize =
            #"{"protocolVersion":"\#(version)","capabilities":{},"serverInfo":{"name":"x","version":""}}"#
        let run = try script.poll()
        #expect(run.failure == nil)
        #expect(run.requests[1].fields["MCP-Protocol-Version"] == version)
    }

    @Test(arguments: [#"{"protocolVersion":"2099-01-01"}"#, #"{"protocolVersion":7}"#, "{}"])
    func anUnknownProtocolVersionEndsThePoll(_ result: String) throws {
        var script = Script()
        script.initialize = result
        #expect(try script.poll().failure == .malformed(.unknownProtocolVersion))
    }

    @Test(arguments: [200, 202, 204]) func aNotificationMayBeAnsweredSo(_ status: Int) throws {
        let server = try LoopedNode(NoemaWire())
        let run = try server.poll { .response($0 == 1 ? HTTPResponse(status: status) : $1) }
        #expect(run.failure == nil)
    }

    @Test func aStreamIsReadInAnyLineEndingAndPastOtherMessages() throws {
        let answer = #"{"jsonrpc":"2.0","id":4,"result":{"a":1}}"#
        let noise = #"{"jsonrpc":"2.0","method":"notifications/message","params":{}}"#
        for end in ["\n", "\r\n", "\r"] {
            let lines = [
                "\u{FEFF}: comment", "event: message", "data: \(noise)", "", "data", "", "id: 7", "data:", "",
                #"data: {"jsonrpc":"2.0","id":3,"result":{}}"#, "", "data: not json", "", "event: message",
                "data:\(answer.prefix(17))", "data: \(answer.dropFirst(17))", "", "data: \(noise)", "", "",
            ]
            let response = HTTPResponse(
                status: 200, fields: ["Content-Type": "text/event-stream; charset=utf-8"],
                body: Array(lines.joined(separator: end).utf8))
            guard case .result(let result) = try JSONRPCAnswer(response, id: 4) else {
                Issue.record("no result")
                continue
            }
            #expect(result["a"]?.integer == 1)
        }
    }

    // MARK: Identity (section 3.3)

    @Test func aPeerWithoutTheToolHasNoIdentity() throws {
        var script = Script()
        for error in [
            #"{"code":-32602,"message":"tool 'cortex_identity' not found"}"#, #"{"code":-32601,"message":""}"#,
        ] {
            script.error["cortex_identity"] = error
            #expect(try script.poll().failure == .identityMissing)
        }
        script.error = [:]
        script.identity = #"{"content":[{"type":"text","text":"Unknown tool"}],"isError":true}"#
        #expect(try script.poll().failure == .identityMissing)
    }

    @Test(arguments: [
        (#"{"version":1}"#, ExchangeFailure.manifestVersion(1)),
        (#"{"version":1,"id":"01KNJX4991ASW6NNKS9BQHNCGB"}"#, .manifestVersion(1)),
        (#"{"id":"01KNJX4991ASW6NNKS9BQHNCGB"}"#, .manifestVersion(0)),
        (#"{"version":"2","id":"01KNJX4991ASW6NNKS9BQHNCGB"}"#, .manifestVersion(0)),
        (#"{"version":2}"#, .identityMissing),
        (#"{"version":2,"id":""}"#, .identityMissing),
        (#"{"version":2,"id":"01knjx4991asw6nnks9bqhncgb"}"#, .identityMissing),
        (#"{"version":2,"id":7}"#, .identityMissing),
        ("", .identityMissing),
        ("null", .identityMissing),
        ("[]", .identityMissing),
        ("{", .malformed(.notJSON(.unexpectedEnd))),
    ])
    func anIdentityIsReadByItsRules(_ text: String, _ failure: ExchangeFailure) throws {
        var script = Script()
        script.identity = Script.text(text)
        let run = try script.poll()
        #expect(run.failure == failure && run.identities.isEmpty && run.pages.isEmpty)
    }

    @Test func laterMembersAndAliasesOfAnIdentityAreRead() throws {
        var script = Script()
        script.identity = Script.text(
            #"{"id":"01KNJX4991ASW6NNKS9BQHNCGB","manifest_version":3,"name":"β","public_key":"ed25519:AA==","#
                + #""rank":{"cortex_id":"x","rank":7,"observed_at":""},"mode":"unheard-of"}"#)
        let peer = try script.poll().identities.first
        #expect(peer?.name == "β" && peer?.publicKey == "ed25519:AA==" && peer?.mode == nil)
    }

    @Test func aVersionThatIsNoPlainTextIsNotKept() throws {
        var script = Script()
        script.initialize = #"{"protocolVersion":"2025-11-25","serverInfo":{"version":"\u001b[2J"}}"#
        #expect(try script.poll().identities.first?.version == "?")
    }

    // MARK: Refusals

    @Test func aRefusalOfEitherLineIsARemoteError() throws {
        var script = Script()
        script.pages = [#"{"content":[{"type":"text","text":"cortex is in subscribe mode"}],"isError":true}"#]
        #expect(try script.poll().failure == .remoteError(code: nil))
        script.error["sync_events"] = #"{"code":-32602,"message":"cortex is in subscribe mode"}"#
        #expect(try script.poll().failure == .remoteError(code: -32602))
    }

    @Test(arguments: ["{}", #"{"content":null}"#, #"{"content":{}}"#, #"{"structuredContent":[]}"#])
    func aResultWithoutContentIsAViolation(_ result: String) throws {
        var script = Script()
        script.pages = [result]
        #expect(try script.poll().failure == .malformed(.missingMember))
    }

    @Test(arguments: ["application/json; charset=utf-8", "APPLICATION/JSON", " application/json ;x=y"])
    func aContentTypeIsReadLeniently(_ type: String) throws {
        let run = try LoopedNode(NoemaWire()).poll { _, response in
            var response = response
            if !response.body.isEmpty { response.fields["Content-Type"] = type }
            return .response(response)
        }
        #expect(run.failure == nil)
    }

    @Test(arguments: ["text/html", "", "application/jsonx", "text/plain"])
    func anotherContentTypeIsAViolation(_ type: String) throws {
        let run = try LoopedNode(NoemaWire()).poll { _, response in
            .response(HTTPResponse(status: 200, fields: ["Content-Type": type], body: response.body))
        }
        #expect(run.failure == .malformed(.contentType))
    }

    @Test func anAnswerToAnotherRequestIsAViolation() throws {
        let run = try LoopedNode(NoemaWire()).poll { index, response in
            guard index == 2 else { return .response(response) }
            var response = response
            response.body = Array(#"{"jsonrpc":"2.0","id":"2","result":{"content":[]}}"#.utf8)
            return .response(response)
        }
        #expect(run.failure == .malformed(.wrongRequestID))
    }

    // MARK: Pages

    @Test(arguments: ["null", "[]", "", " \n[ ]\t"]) func anEmptyPageHasManyForms(_ text: String) throws {
        var script = Script()
        script.pages = [Script.text(text)]
        let run = try script.poll()
        #expect(run.failure == nil && run.pages.isEmpty)
    }

    @Test func aResultWithoutATextIsAnEmptyPage() throws {
        var script = Script()
        script.pages = [#"{"content":[{"type":"image","data":"","mimeType":"image/png"}]}"#]
        #expect(try script.poll().failure == nil)
    }

    @Test func theFirstTextIsThePage() throws {
        var script = Script()
        let text = Script.text("[\(NoemaClientTests.event(NoemaClientTests.id(1)))]")
        script.pages = [text.replacing("[{\"type\"", with: #"[{"type":"image"},{"type""#, maxReplacements: 1)]
        #expect(try script.poll().events.count == 1)
    }

    @Test(arguments: [[2, 1], [1, 1]]) func idsThatDoNotAscendAreAViolation(_ numbers: [Int]) throws {
        var script = Script()
        script.pages = [NoemaClientTests.page(numbers.map(NoemaClientTests.id))]
        let run = try script.poll()
        #expect(run.failure == .malformed(.idsNotAscending) && run.pages.isEmpty)
    }

    @Test func anIDThatWasNotAskedForIsAViolation() throws {
        var script = Script()
        script.pages = [NoemaClientTests.page([NoemaClientTests.id(1)])]
        let late = LoopedNode.context(cursor: Sample.id(10_000_000), now: Sample.time(20_000_000))
        #expect(try script.poll(late).failure == .malformed(.idsNotAscending))
    }

    @Test func aFullPageIsFollowedByTheNext() throws {
        var script = Script()
        script.pages = [
            NoemaClientTests.page((1...100).map(NoemaClientTests.id)),
            NoemaClientTests.page((101...150).map(NoemaClientTests.id)),
        ]
        let run = try script.poll()
        #expect(run.events.count == 150 && run.pages.count == 2 && run.requests.count == 5)
        #expect(String(decoding: run.requests[4].body, as: UTF8.self).contains(NoemaClientTests.id(100)))
    }

    @Test func anEventWithoutAPlaceInTheOrderIsRefusedByItself() throws {
        var script = Script()
        let ids = [NoemaClientTests.id(1), "not-a-ulid", NoemaClientTests.id(2).lowercased(), NoemaClientTests.id(3)]
        script.pages = [NoemaClientTests.page(ids)]
        let run = try script.poll()
        #expect(run.failure == nil && run.items.count == 4 && run.events.count == 2)
    }

    @Test func aPageOfNothingElseIsKeptAsEvidenceAndEndsThePoll() throws {
        var script = Script()
        script.pages = [NoemaClientTests.page((0..<100).map { "id-\($0)" })]
        let run = try script.poll()
        #expect(run.failure == .malformed(.noProgress) && run.items.count == 100)
    }

    /// A server of ours cuts a page by bytes; the next poll begins ten minutes back and would meet the same cut.
    @Test func aPageThatMayBeCutIsNotTheLast() throws {
        let text = "[\(NoemaClientTests.event(NoemaClientTests.id(1)))]"
        func leadsOn(_ text: String, _ cutFrom: Int) throws -> Bool {
            try NoemaPage(text: text, since: nil, limit: 100, cutFrom: cutFrom).leadsOn
        }
        #expect(try leadsOn(text, text.utf8.count))
        #expect(try !leadsOn(text, text.utf8.count + 1))
    }

    // MARK: Where a poll begins

    @Test func aPollReadsAWindowAgainAndARescanReadsAll() throws {
        func since(_ context: ExchangeContext) throws -> String? {
            let run = try Script().poll(context)
            return try JSON(run.requests[3].body)["params"]?["arguments"]?["since"]?.string
        }
        let hour = Int64(3_600_000)
        var context = LoopedNode.context(cursor: Sample.id(hour), now: Sample.time(2 * hour))
        #expect(try since(context) == ULID(floorOf: Sample.time(hour - 600_000)).description)
        context.interval = .seconds(1800)
        #expect(try since(context) == ULID(floorOf: Sample.time(0)).description)
        // A cursor ahead of our clock: what is written in between has lower ids.
        context.now = Sample.time(hour / 2)
        context.interval = .seconds(30)
        #expect(try since(context) == ULID(floorOf: Sample.time(hour / 2 - 600_000)).description)
        context.reach = .rescan
        #expect(try since(context) == nil)
        context.reach = .news
        context.pinnedWire = .native
        #expect(try since(context) == nil)
        context.pinnedWire = nil
        context.cursor = nil
        #expect(try since(context) == nil)
        context.cursor = ULID(milliseconds: 1000, random: (0, 0))
        #expect(try since(context) == ULID.min.description)
    }

    @Test func aRescanNeverMovesTheCursorBack() throws {
        var script = Script()
        script.pages = [NoemaClientTests.page([NoemaClientTests.id(1)])]
        let run = try script.poll(LoopedNode.context(cursor: Sample.id(1_000_000), reach: .rescan))
        #expect(run.pages.map(\.cursor) == [.byEvent] && run.cursor == Sample.id(1_000_000))
    }
}
