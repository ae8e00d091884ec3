import FederationCore
import FederationCrypto
import FederationTestKit
import Testing

/// The stand-ins against the specification's sections 1 to 3, 8 and 10: what makes them worth testing against.
@Suite struct NoemaFactsStandIns {
    @Test func aGoServerAnswersInJSONWithASession() {
        var server = StandInPair(.go).server
        let response = server.respond(to: initialize(id: "1"), now: noon)
        #expect(response.status == 200)
        #expect(response.fields["Content-Type"] == "application/json")
        let session = response.fields["Mcp-Session-Id"] ?? ""
        #expect(session.hasPrefix("mcp-session-") && session.utf8.count == 48)
        #expect(
            text(response)
                == #"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","#
                + #""capabilities":{"tools":{"listChanged":true}},"#
                + #""serverInfo":{"name":"noema","version":"v0.18.0"}}}"#)
        #expect(response.fields["Access-Control-Allow-Origin"] == "*")

        // The id has to look right, and that is all: one of a time before a restart goes on.
        server.restart()
        var empty = call("sync_events")
        empty.fields["Mcp-Session-Id"] = session
        #expect(
            text(server.respond(to: empty, now: noon))
                == #"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"null"}]}}"#)
        for session in [nil, "garbled", "mcp-session-1-2-3-4-5"] {
            empty.fields["Mcp-Session-Id"] = session
            #expect(server.respond(to: empty, now: noon).status == 404)
        }
    }

    @Test func aRustServerAnswersInAnEventStreamWithAPrimingEvent() {
        var server = StandInPair(.rust).server
        let response = server.respond(to: initialize(id: "0"), now: noon)
        #expect(response.fields["Content-Type"] == "text/event-stream")
        #expect(response.fields["Cache-Control"] == "no-cache")
        #expect(response.fields["X-Accel-Buffering"] == "no")
        #expect(
            text(response)
                == "id: 0\nretry: 3000\ndata:\n\n"
                + #"data: {"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","#
                + #""capabilities":{"tools":{}},"serverInfo":{"name":"noema","version":"0.22.0"}}}"# + "\n\n")

        var empty = call("sync_events")
        #expect(server.respond(to: empty, now: noon).status == 422)
        empty.fields["Mcp-Session-Id"] = "unknown"
        #expect(server.respond(to: empty, now: noon).status == 404)
        empty.fields["Mcp-Session-Id"] = response.fields["Mcp-Session-Id"]
        #expect(text(server.respond(to: empty, now: noon)).contains(#""text":"[]""#))
        server.restart()
        #expect(server.respond(to: empty, now: noon).status == 404)
    }

    @Test(arguments: [
        ("Content-Type", "text/plain", 400, 415), ("Accept", "application/json", 200, 406),
        ("MCP-Protocol-Version", "1999-01-01", 200, 400), ("Host", "evil.example", 200, 403),
        ("Host", "[::1]:3000", 200, 200), ("Origin", "http://evil.example", 200, 403),
        ("Origin", "app://obsidian.md", 200, 200), ("Authorization", "Bearer wrong", 401, 401),
    ])
    func eachLineHasItsOwnStatusForWhatIsWrong(field: String, value: String, go: Int, rust: Int) {
        for (rules, status) in [(NoemaRules.go, go), (.rust, rust)] {
            var settings = NoemaSettings(rules, name: "server", id: StandInPair.serverID)
            settings.sharedKey = "ring-secret"
            var server = NoemaStandIn(settings)
            var request = initialize(id: "1")
            request.fields["Authorization"] = "Bearer ring-secret"
            request.fields[field] = value
            let response = server.respond(to: request, now: noon)
            #expect(response.status == status, "\(rules)")
            guard status == 401 else { continue }
            #expect(text(response) == #"{"error":"unauthorized: NOEMA_MCP_KEY / access.shared_key_file required"}"#)
            #expect(response.fields["WWW-Authenticate"] == nil)
        }
    }

    @Test func methodsAndPathsHaveTheirStatus() {
        var go = StandInPair(.go).server
        var rust = StandInPair(.rust).server
        func status(_ server: inout NoemaStandIn, _ method: String, _ path: String) -> Int {
            var request = initialize(id: "1")
            request.method = method
            request.path = path
            return server.respond(to: request, now: noon).status
        }
        #expect(status(&go, "PUT", "/mcp") == 404)
        #expect(status(&rust, "PUT", "/mcp") == 405)
        #expect(status(&go, "OPTIONS", "/mcp") == 204)
        #expect(status(&rust, "OPTIONS", "/mcp") == 204)
        #expect(status(&go, "POST", "/mcp/") == 404)
        #expect(status(&rust, "POST", "/mcp/") == 200)
        #expect(status(&rust, "POST", "/mcp/federation") == 200)
        #expect(status(&rust, "POST", "/other") == 404)
    }

    @Test(arguments: NoemaRules.allCases)
    func aLimitOutOfBoundsIsAHundred(rules: NoemaRules) {
        var server = StandInPair(rules).server
        for number in 1...150 { server.plant(event(number % 26 + 1).with(id: eventID(number))) }
        for (limit, count) in [("7", 7), ("150", 150), ("0", 100), ("1001", 100), ("1000", 150)] {
            var client = Client()
            client.initialize { server.respond(to: $0, now: noon) }
            let answer = client.call("sync_events", #"{"limit":\#(limit)}"#) { server.respond(to: $0, now: noon) }
            #expect((try? JSON(Array((answer?.text ?? "").utf8)))?.array?.count == count, "\(limit)")
        }
        var client = Client()
        client.initialize { server.respond(to: $0, now: noon) }
        let negative = client.call("sync_events", #"{"limit":-1}"#) { server.respond(to: $0, now: noon) }
        #expect((negative?.text != nil) == (rules == .go))
        let bad = client.call("sync_events", #"{"since":"lower"}"#) { server.respond(to: $0, now: noon) }
        #expect(bad?.refusal?.contains("valid ULID cursor") == true)
        #expect(bad?.isResult == (rules == .go))
        let unknown = client.call("no_such_tool") { server.respond(to: $0, now: noon) }
        #expect(unknown?.isResult == false)
    }

    @Test func goTakesOnePageAPollAndRustAllOfThem() {
        for rules in NoemaRules.allCases {
            var ring = StandInPair(rules)
            for number in 1...205 {
                ring.server.plant(event(1).with(id: eventID(number), trace: "20260407-n\(number)"))
            }
            #expect(ring.poll() == .done)
            #expect(ring.puller.events.count == (rules == .go ? 100 : 205))
            #expect(ring.poll() == .done)
            #expect(ring.poll() == .done)
            #expect(ring.puller.events.count == 205)
        }
    }

    @Test(arguments: NoemaRules.allCases, NoemaRules.allCases)
    func theTwoLinesPollEachOther(pulls: NoemaRules, serves: NoemaRules) throws {
        var ring = StandInPair(pulls)
        var settings = ring.server.settings
        settings.rules = serves
        settings.keepAliveComments = 2
        ring.server = NoemaStandIn(settings)
        let trace = try ring.server.create(.init("Trace <1>", body: "a < b & c"), now: noon)
        try ring.server.change(trace, .archive, now: noon)
        #expect(ring.poll() == .done)
        #expect(ring.puller.body(of: trace) == "a < b & c")
        #expect(ring.puller.traces[trace]?.isArchived == true)
        #expect(ring.puller.clock == ring.server.clock)
        let health = ring.puller.health(of: "server")
        #expect(health.version == settings.version)
        #expect(health.lastSuccess == (pulls == .go ? "2026-04-07T12:00:00Z" : "2026-04-07T12:00:00.000+00:00"))
    }

    @Test func theRequestsOfAPollAreThoseOfItsLine() {
        for rules in NoemaRules.allCases {
            var ring = StandInPair(rules)
            var settings = ring.puller.settings
            settings.sharedKey = "ring-secret"
            ring.puller.restart(with: settings)
            settings = ring.server.settings
            settings.sharedKey = "ring-secret"
            ring.server.restart(with: settings)
            var requests: [ServedRequest] = []
            var server = ring.server
            ring.puller.poll("server", now: noon) { request in
                requests.append(request)
                return .response(server.respond(to: request, now: noon))
            }
            let posts = ["POST", "POST", "POST", "POST", "POST"]
            let isGo = rules == .go
            #expect(requests.map(\.method) == (isGo ? posts : ["POST", "GET"] + posts.dropFirst()) + ["DELETE"])
            let ids = requests.compactMap { (try? JSON($0.body))?["id"]?.integer }
            #expect(ids == (isGo ? [1, 2, 3, 4] : [0, 1, 2, 3]))
            #expect(requests.dropLast().allSatisfy { $0.fields["Authorization"] == "Bearer ring-secret" })
            // Go's DELETE has no key, and so is refused.
            #expect((requests.last?.fields["Authorization"] == nil) == isGo)
            #expect(requests.dropFirst().allSatisfy { $0.fields["Mcp-Session-Id"] != nil })
            #expect(requests.dropFirst(2).dropLast().allSatisfy { $0.fields["Mcp-Protocol-Version"] == "2025-11-25" })
        }
    }

    @Test(arguments: NoemaRules.allCases)
    func failuresDoubleTheWaitUpToFiveMinutesAndSuccessEndsIt(rules: NoemaRules) {
        var ring = StandInPair(rules)
        var waits: [Duration] = []
        for _ in 1...6 {
            ring.puller.poll("server", now: noon) { _ in .transport(.refused) }
            waits.append(ring.puller.wakeAt(of: "server")?.since(noon) ?? .zero)
        }
        #expect(waits == [60, 120, 240, 300, 300, 300].map { .seconds($0) })
        #expect(ring.puller.health(of: "server").consecutiveFailures == 6)
        #expect(ring.poll() == .done)
        #expect(ring.puller.wakeAt(of: "server") == noon.advanced(by: .seconds(30)))
        #expect(ring.puller.lastError(of: "server") == nil)
    }

    @Test(arguments: NoemaRules.allCases)
    func anotherIdentityIsRefusedAndThePinStays(rules: NoemaRules) {
        var ring = StandInPair(rules)
        #expect(ring.poll() == .done)
        ring.server = NoemaStandIn(NoemaSettings(rules, name: "server", id: ULID(high: 9, low: 9)))
        ring.server.plant(event(1))
        #expect(ring.poll() == .failed(.identityMismatch))
        #expect(ring.puller.state["peer:server:cortex_id"] == beta)
        #expect(ring.puller.events.isEmpty)
    }

    @Test func relaysSpellTheSameEventInTheirOwnWay() throws {
        let data = Array(#"{ "title":"a < b & c\u2028","body":"x\/y","n":1.50,"n":2e2 }"#.utf8)
        #expect(
            String(decoding: NoemaRules.go.relayed(data), as: UTF8.self)
                == #"{"title":"a \u003c b \u0026 c\u2028","body":"x\/y","n":1.50,"n":2e2}"#)
        #expect(
            String(decoding: NoemaRules.rust.relayed(data), as: UTF8.self)
                == "{\"title\":\"a < b & c\u{2028}\",\"body\":\"x/y\",\"n\":200.0}")
        let empty = remote(1, .archive)
        #expect(String(decoding: empty.json(as: .go), as: UTF8.self).contains(#""data":{}"#))
        #expect(!String(decoding: empty.json(as: .rust), as: UTF8.self).contains("data"))
    }

    @Test func theyAreOneItemToUsWhoeverRelaysThem() throws {
        var origin = StandInPair(.rust).server
        try origin.create(.init("Less < more & so", body: "<b>"), now: noon)
        let event = origin.events[0]
        let forms = try NoemaRules.allCases.map { rules in
            try Event(json: event.json(as: rules)).fingerprint(sha256)
        }
        #expect(forms[0].digest == forms[1].digest)
        #expect(forms[0].signedHash != forms[1].signedHash)
    }
}

extension NoemaFactsStandIns {
    private func text(_ response: HTTPResponse) -> String { String(decoding: response.body, as: UTF8.self) }

    private func post(_ body: String) -> ServedRequest {
        ServedRequest(
            method: "POST", path: "/mcp",
            fields: ["Content-Type": "application/json", "Accept": "application/json, text/event-stream"],
            body: Array(body.utf8))
    }

    private func initialize(id: String) -> ServedRequest {
        post(#"{"jsonrpc":"2.0","id":\#(id),"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#)
    }

    private func call(_ tool: String) -> ServedRequest {
        post(#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"\#(tool)","arguments":{}}}"#)
    }
}

extension NoemaEvent {
    func with(id: String, trace: String? = nil) -> NoemaEvent {
        var event = self
        event.id = id
        if let trace { event.traceID = trace }
        return event
    }
}

/// Two lines in one mesh, with whatever people do: nothing traps, and every log has every event in the end.
@Suite struct NoemaFactsMesh {
    @Test func everyNodeOfAMeshHasEveryEventThatItCouldReplay() throws {
        for seed in 1...8 as ClosedRange<UInt64> {
            var random = SeededRandom(seed: seed)
            var nodes = NoemaRules.allCases.map { rules in
                NoemaStandIn(
                    NoemaSettings(
                        rules, name: rules.rawValue, id: rules == .go ? StandInPair.pullerID : StandInPair.serverID,
                        peers: NoemaRules.allCases.map { .init($0.rawValue) }, seed: seed &+ (rules == .go ? 0 : 99)))
            }
            for minute in 0..<30 {
                let now = noon.advanced(by: .seconds(60 * minute))
                let actor = random.below(2)
                act(on: &nodes[actor], step: minute, now: now, &random)
                poll(&nodes, now: now)
            }
            for minute in 30..<33 { poll(&nodes, now: noon.advanced(by: .seconds(60 * minute))) }
            #expect(nodes[0].health(of: "rust").consecutiveFailures == 0, "seed \(seed)")
            #expect(nodes[1].health(of: "go").consecutiveFailures == 0, "seed \(seed)")
            #expect(nodes[0].events.map(\.id) == nodes[1].events.map(\.id), "seed \(seed)")
            #expect(nodes[0].clock == nodes[1].clock, "seed \(seed)")
        }
    }

    private func act(on node: inout NoemaStandIn, step: Int, now: WallTime, _ random: inout SeededRandom) {
        let known = node.traces.values.filter { $0.type == "note" && !$0.isTrashed }.map(\.id).sorted()
        guard let trace = known.isEmpty ? nil : known[random.below(known.count)], random.chance(0.7) else {
            _ = try? node.create(.init("\(node.settings.name) \(step)", body: "text <\(step)>"), now: now)
            return
        }
        switch random.below(5) {
        case 0: _ = try? node.change(trace, .archive, now: now)
        case 1: _ = try? node.change(trace, .unarchive, now: now)
        case 2: _ = try? node.vote(trace, up: random.chance(0.5), now: now)
        case 3: _ = try? node.setTier(trace, to: .mid, now: now)
        default: _ = try? node.update(trace, body: "text \(step)", now: now)
        }
    }

    private func poll(_ nodes: inout [NoemaStandIn], now: WallTime) {
        for index in nodes.indices {
            var server = nodes[1 - index]
            nodes[index].poll(server.settings.name, now: now) { .response(server.respond(to: $0, now: now)) }
            nodes[1 - index] = server
        }
    }

    @Test(arguments: NoemaRules.allCases)
    func noRequestAndNoAnswerTraps(rules: NoemaRules) {
        var random = SeededRandom(seed: 7)
        var ring = StandInPair(rules)
        for number in 1...3 { ring.server.plant(event(number)) }
        for _ in 0..<200 {
            var server = ring.server
            ring.puller.poll("server", now: noon) { request in
                var request = request
                if random.chance(0.2) { Self.damage(&request.body, &random) }
                var response = server.respond(to: request, now: noon)
                if random.chance(0.3) { Self.damage(&response.body, &random) }
                return .response(response)
            }
            if random.chance(0.1) { ring.puller.forget("server") }
        }
    }

    private static func damage(_ bytes: inout [UInt8], _ random: inout SeededRandom) {
        guard !bytes.isEmpty else { return }
        switch random.below(3) {
        case 0: bytes.removeLast(random.below(bytes.count))
        case 1: bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
        default: bytes.insert(contentsOf: Array(#""9{[-"#.utf8), at: random.below(bytes.count))
        }
    }
}
