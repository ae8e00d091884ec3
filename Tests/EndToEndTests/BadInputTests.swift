import FederationCore
import HostileKit
import Synchronization
import Testing

/// A node that polls one fake Noema node, and what it makes of what that gives.
private struct Fed {
    let node: TestNode
    let peer: FakeNoema

    init(_ peer: FakeNoema) async throws {
        self.peer = peer
        node = try await TestNode("alpha", in: ScratchDirectory())
        node.setPeer("fake", peer.endpoint, "wire: noema")
        try await node.start()
    }

    init(events: [String]) async throws { try await self.init(FakeNoema(events: events)) }
    init(page: String) async throws { try await self.init(FakeNoema { _ in page }) }

    func ids() async throws -> [String] {
        try await node.facts("events")["events"]?.array?.compactMap { $0["id"]?.string } ?? []
    }

    func quarantine() async throws -> [JSON] { try await node.facts("quarantine", "list")["entries"]?.array ?? [] }

    func arrive(_ numbers: Int...) async throws {
        try await eventually("events \(numbers); log:\n\(node.log)") {
            (try await ids() == numbers.map { FakeEvent.id($0) }).orNil
        }
    }

    /// The poll fails, and says why; the cursor stays where it is.
    func fails(_ reason: Reason, cursor: String? = nil) async throws {
        try await eventually("\(reason); log:\n\(node.log)") {
            let peer = try await node.peerStatus("fake")
            guard peer?["consecutive_failures"]?.integer ?? 0 > 0 else { return nil as Bool? }
            return (peer?.at("last_error", "reason")?.string == reason.rawValue).orNil
        }
        #expect(try await node.peerStatus("fake")?["last_event"]?.string == cursor)
    }

    /// The one event that is not applied, by its code.
    func setsAside(_ code: String, kind: String = "refused") async throws {
        let entry = try await eventually("\(code); log:\n\(node.log)") { try await quarantine().first }
        #expect(entry["code"]?.string == code)
        #expect(entry["kind"]?.string == kind)
        #expect(entry["peer"]?.string == "fake")
        #expect(try await quarantine().count == 1)
    }

    /// It still runs, writes, and is undamaged.
    func ends() async throws {
        try await node.put("# Still well\n")
        #expect(try await node.stop() == .exited(0))
        #expect(try await node.run("check", "--deep").status == 0)
        #expect(!node.log.utf8.contains(0x1B))
    }
}

/// What a hostile or broken Noema peer can serve: each with a reason, nothing lost, no crash.
@Suite(.serialized) struct BadInputTests {
    @Test func aPageThatIsCutOffIsReadAgainOnceItIsWhole() async throws {
        let fed = try await Fed(page: #"[\#(FakeEvent.create(1)),\#(FakeEvent.create(2).dropLast(20))"#)
        try await fed.fails(.other)
        #expect(try await fed.ids() == [])
        fed.peer.change { $0.page = { $0.isEmpty ? "[\(FakeEvent.create(1)),\(FakeEvent.create(2))]" : "[]" } }
        _ = try await fed.node.run("sync")
        try await fed.arrive(1, 2)
        #expect(try await fed.node.peerStatus("fake")?["consecutive_failures"]?.integer == 0)
        try await fed.ends()
    }

    @Test func anAnswerWithoutEndIsCutOff() async throws {
        let sent = Mutex(0)
        let flood = ScriptedServer { socket in
            _ = socket.receiveHead()
            socket.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
            let chunk = "10000\r\n" + String(repeating: " ", count: 0x10000) + "\r\n"
            while socket.send(chunk), sent.withLock({ $0 += 0x10000; return $0 < 256 << 20 }) {}
        }
        let node = try await TestNode("alpha", in: ScratchDirectory())
        node.setPeer("fake", flood.endpoint)
        let result = try await node.run("sync")
        #expect(result.status == 1)
        #expect(result.err.contains("fake: other: "))
        // What the sockets hold is sent as well.
        #expect(sent.withLock { $0 } < Limits.smallAnswerBytes + 32 << 20)
    }

    @Test func anIdentityTooLongToBeOneIsRefused() async throws {
        let fed = try await Fed(page: "[]")
        fed.peer.change { $0.identity = FakeNoema.identity(name: String(repeating: "n", count: 2 << 20)) }
        _ = try await fed.node.run("sync")
        try await fed.fails(.other)
        try await fed.ends()
    }

    @Test func anEventTooLargeIsRefusedAndItsNeighboursAreNot() async throws {
        let huge = FakeEvent.create(2, body: String(repeating: "x", count: Limits.eventBytes))
        let fed = try await Fed(events: [FakeEvent.create(1), huge, FakeEvent.create(3)])
        try await fed.arrive(1, 3)
        try await fed.setsAside("too_large")
        let row = try #require(try await fed.quarantine()[0]["row"]?.string)
        let shown = try await fed.node.run("quarantine", "show", row)
        #expect(shown.status == 0)
        #expect(shown.out.utf8.count < Limits.evidenceBytes + 1000)
        try await fed.ends()
    }

    @Test func anEventNestedTooDeepIsRefused() async throws {
        let deep = String(repeating: "[", count: 5000) + String(repeating: "]", count: 5000)
        let data = #"{"title":"a","type":"note","body":"","x":\#(deep)}"#
        let fed = try await Fed(events: [FakeEvent.event(1, action: "create", data: data), FakeEvent.create(2)])
        try await fed.arrive(2)
        try await fed.setsAside("not_json")
        try await fed.ends()
    }

    @Test func aPageOfNothingButBracketsFailsThePoll() async throws {
        let fed = try await Fed(page: String(repeating: "[", count: 1_000_000))
        try await fed.fails(.other)
        try await fed.ends()
    }

    @Test(arguments: [
        (#"{"id":"01KNJX49920000000000000001","id":"01KNJX49920000000000000002","action":"create"}"#, "duplicate_key"),
        (FakeEvent.create(1).replacing(#""title""#, with: #""title":"Other","title""#), "duplicate_key"),
        (FakeEvent.create(1).replacing(#""action":"create""#, with: #""action":7"#), "wrong_type_action"),
        (FakeEvent.create(1).replacing(#""20260406-hello-1""#, with: "null"), "wrong_type_trace_id"),
        (FakeEvent.create(1).replacing(#""origin":"fake","#, with: ""), "missing_origin"),
        (FakeEvent.create(1, clock: "[1]"), "wrong_type_vclock"),
        (FakeEvent.create(1, clock: #"{"\#(FakeNoema.id)":"1"}"#), "wrong_type_vclock"),
        (FakeEvent.create(1, clock: #"{"\#(FakeNoema.id)":-1}"#), "wrong_type_vclock"),
        (FakeEvent.create(1, clock: #"{"\#(FakeNoema.id)":1.5}"#), "wrong_type_vclock"),
        (FakeEvent.event(1, action: "create", data: "\"text\""), "wrong_type_data"),
        (FakeEvent.event(1, action: "create", data: #"{"title":"a","type":"note","body":"\#n"}"#), "not_json"),
        (FakeEvent.create(1, clock: #"{"\#(FakeNoema.id)":18446744073709551615}"#), "counter_too_large"),
        (FakeEvent.create(1, clock: #"{"\#(FakeNoema.id)":18446744073709551616}"#), "counter_too_large"),
        (FakeEvent.create(1, trace: String(repeating: "t", count: 2000)), "too_long_trace_id"),
        ("42", "not_an_object"), ("null", "not_an_object"), (#"{"id":"#, "not_json"),
    ])
    func anEventThatIsNoneIsKeptAsEvidenceAndTheNextOneArrives(event: String, code: String) async throws {
        let fed = try await Fed(page: "[\(event),\(FakeEvent.create(3))]")
        if event.hasSuffix(":") {
            // What is cut off takes the page with it.
            try await fed.fails(.other)
        } else {
            try await fed.arrive(3)
            try await fed.setsAside(code)
        }
        try await fed.ends()
    }

    @Test func moreEventsThanAskedAreNotTaken() async throws {
        let fed = try await Fed(page: "[" + (1...101).map { FakeEvent.create($0) }.joined(separator: ",") + "]")
        try await fed.fails(.other)
        #expect(try await fed.ids() == [])
        try await fed.ends()
    }

    @Test func idsOutOfOrderAreNotTakenAndNoneIsLostOnceTheyAreInOrder() async throws {
        let fed = try await Fed(page: "[\(FakeEvent.create(2)),\(FakeEvent.create(1))]")
        try await fed.fails(.other)
        #expect(try await fed.ids() == [])
        fed.peer.change { $0.page = { $0.isEmpty ? "[\(FakeEvent.create(1)),\(FakeEvent.create(2))]" : "[]" } }
        _ = try await fed.node.run("sync")
        try await fed.arrive(1, 2)
        try await fed.ends()
    }

    @Test func aServerThatGivesTheSamePageForEverIsLeft() async throws {
        let page = "[" + (1...100).map { FakeEvent.create($0) }.joined(separator: ",") + "]"
        let fed = try await Fed(page: page)
        try await fed.fails(.other, cursor: FakeEvent.id(100))
        #expect(try await fed.ids().count == 100)
        try await fed.ends()
    }

    @Test func anIdYearsAheadWaitsAndHidesNothing() async throws {
        let future = "7" + FakeEvent.id(9).dropFirst()
        let fed = try await Fed(events: [FakeEvent.create(1), FakeEvent.create(9, id: future)])
        try await fed.arrive(1)
        try await fed.setsAside("deferred", kind: "deferred")
        #expect(try await fed.node.peerStatus("fake")?["last_event"]?.string == FakeEvent.id(1))
        #expect(try await fed.node.peerStatus("fake")?["deferred"]?.integer == 1)
        fed.peer.change { answers in
            let events = [FakeEvent.create(1), FakeEvent.create(2), FakeEvent.create(9, id: future)]
            answers.page = { _ in "[" + events.joined(separator: ",") + "]" }
        }
        try await fed.arrive(1, 2)
        // Our own ids follow the present, not that future.
        let own = try await fed.node.put("# Now\n")
        let id = try await fed.node.facts("show", own).at("heads", "0")?.string ?? "7"
        #expect(id < "1")
        try await fed.ends()
    }

    @Test(arguments: [257, 258])
    func aClockHasAtMostOneEntryMoreThanARing(entries: Int) async throws {
        let others = (1..<entries).map { #""\#(FakeEvent.id($0))":1"# }
        let clock = "{" + ([#""\#(FakeNoema.id)":1"#] + others).joined(separator: ",") + "}"
        let fed = try await Fed(events: [FakeEvent.create(1, clock: clock), FakeEvent.create(2)])
        if entries == 257 {
            try await fed.arrive(1, 2)
            #expect(try await fed.quarantine().isEmpty)
            let stored = try await fed.node.facts("events")["events"]?.array?.first
            #expect(stored?["vclock"]?.members?.count == 257)
        } else {
            try await fed.arrive(2)
            try await fed.setsAside("clock_too_large")
        }
        try await fed.ends()
    }

    @Test func theGreatestCounterIsCountedAndNeverPassed() async throws {
        let clock = #"{"\#(FakeNoema.id)":9223372036854775807}"#
        let fed = try await Fed(events: [FakeEvent.create(1, clock: clock)])
        try await fed.arrive(1)
        try await fed.node.put("Mended.\n", "--id", "20260406-hello-1")
        let events = try await fed.node.facts("events")["events"]?.array ?? []
        #expect(events.last?.at("vclock", FakeNoema.id)?.unsigned == 9_223_372_036_854_775_807)
        try await fed.ends()
    }

    @Test func aNumberOfOursThatWeNeverGaveIsNotFollowed() async throws {
        let scratch = ScratchDirectory()
        let node = try await TestNode("alpha", in: scratch)
        let own = try #require(try await node.facts("identity", "show")["id"]?.string)
        let clock = #"{"\#(FakeNoema.id)":1,"\#(own)":4611686018427387904}"#
        let peer = try FakeNoema(events: [FakeEvent.create(1, clock: clock)])
        node.setPeer("fake", peer.endpoint, "wire: noema")
        #expect(try await node.run("sync").status == 0)
        let record = try await node.put("# Ours\n")
        #expect(try await node.facts("events", record).at("events", "0", "number")?.integer == 1)
        let warnings = try await node.status()["warnings"]?.array ?? []
        #expect(warnings.compactMap { $0["code"]?.string } == ["own_number_far"])
        #expect(warnings.first?["event"]?.string == FakeEvent.id(1))
    }

    @Test func aPageThatIsNoJSONFailsThePoll() async throws {
        let fed = try await Fed(page: "<html>\u{1B}[2J</html>")
        try await fed.fails(.other)
        try await fed.ends()
    }

    @Test func whatAPeerCallsThingsNeverReachesTheTerminalAsItIs() async throws {
        // As JSON writes them: ESC, a line end, a carriage return, a bell, a C1 control, and a bidirectional override.
        let nasty = #"\u001b[31mred\nfederation: error: fake\r\u0007\u009b2J\u202e"#
        let data = #"{"title":"\#(nasty)","type":"note","author":"\#(nasty)","tags":["\#(nasty)"],"body":"\#(nasty)"}"#
        let clock = #"{"\#(FakeNoema.id)":1,"\#(nasty)":2}"#
        let events = [
            FakeEvent.event(1, action: "create", data: data, clock: clock)
                .replacing(#""origin":"fake""#, with: #""origin":"\#(nasty)""#),
            FakeEvent.event(2, trace: "20260406-hello-1", action: "update", data: data.replacing("note", with: "fact")),
            FakeEvent.create(3, trace: nasty), FakeEvent.create(4, action: nasty), FakeEvent.create(5, type: nasty),
        ]
        let identity = FakeNoema.identity(name: "\u{1B}[2Jfake\n")
        let peer = try FakeNoema(identity: identity, events: events)
        peer.change { $0.version = "\u{1B}[2J9.9\n" }
        let fed = try await Fed(peer)
        try await eventually("five events; log:\n\(fed.node.log)") { (try await fed.ids().count == 5).orNil }
        let commands = [
            ["status"], ["status", "--brief"], ["records"], ["records", "--all"], ["show", "20260406-hello-1"],
            ["events"], ["divergences"], ["peers"], ["quarantine", "list"], ["quarantine", "show", FakeEvent.id(3)],
            ["quarantine", "show", FakeEvent.id(4)], ["events", "20260406-hello-1"], ["sync"],
        ]
        for command in commands {
            let result = try await Program.run(command + ["--config", fed.node.configPath], in: fed.node.scratch)
            let text = result.out + result.err
            for scalar in text.unicodeScalars {
                let isPlain = scalar == "\n" || scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value)
                #expect(isPlain && scalar.value != 0x202E, "\(command): U+\(String(scalar.value, radix: 16))")
            }
            if command != ["show", "20260406-hello-1"] {
                let lines = text.split(separator: "\n")
                #expect(!lines.contains { $0.hasPrefix("federation: error: fake") }, "\(command): \(text)")
            }
        }
        #expect(try await fed.node.peerStatus("fake")?["version"]?.string == "?")
        try await fed.ends()
    }
}
