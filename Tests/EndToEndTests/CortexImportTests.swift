import FederationCore
import FederationStore
import FederationTestKit
import Glibc
import Testing

@Suite(.serialized) struct CortexImportTests {
    private static let id = "01KNJX4991ASW6NNKS9BQHNCGB"

    /// A signed history with every kind of escape in it.
    private func history(_ rules: NoemaRules) throws -> NoemaNode {
        let noema = try NoemaNode(rules, id: CortexImportTests.id)
        _ = try noema.change { node, now in
            var settings = node.settings
            settings.signingSeed = Array(0..<32)
            node.restart(with: settings)
            let draft = NoemaStandIn.Draft("Quotes", body: "Line <one>\n\"Two\"\t€ \u{1F600}", tags: ["a", "b"])
            let trace = try node.create(draft, now: now)
            try node.update(trace, body: "Changed & <again>", now: now)
            try node.vote(trace, up: true, now: now)
            try node.change(trace, .archive, now: now)
            let other = try node.create(.init("Other", body: "other"), now: now)
            try node.change(other, .trash, now: now)
        }
        return noema
    }

    private func log(of node: TestNode) async throws -> [StoredEvent] {
        let store = try SQLiteStore(path: node.directory + "/data/federation.db", access: .readOnly)
        let events = try await store.read { (log) throws(StoreFailure) in
            try log.events(after: 0, limit: 100_000, bytes: 1 << 30)
        }
        await store.close()
        return events
    }

    /// Its events arrive as they are, twice is once, and the cortex itself then has nothing new to give as a peer.
    @Test(arguments: NoemaRules.allCases, [true, false])
    func theEventsOfACortexAreTakenInAsTheyAre(rules: NoemaRules, isRunning: Bool) async throws {
        let noema = try history(rules)
        let scratch = ScratchDirectory()
        let cortex = try await NoemaCortex(
            in: scratch, id: noema.id, rows: noema.events.map(NoemaCortex.Row.init),
            peers: [("beta", "https://192.168.1.10:3000")])
        let node = try await TestNode("ours", in: scratch)
        node.setPeer("cortex", noema.endpoint, "wire: noema", "mode: paused")
        if isRunning { try await node.start() }
        let before = cortex.files()

        let rehearsed = try await node.facts("import", cortex.root, "--dry-run")
        #expect(try await log(of: node).isEmpty)
        let taken = try await node.facts("import", cortex.root)
        for facts in [rehearsed, taken] {
            #expect(facts["kind"]?.string == "noema")
            #expect(facts.at("cortex", "id")?.string == noema.id)
            #expect(facts.at("events", "read")?.integer == 6)
            #expect(facts.at("events", "applied")?.integer == 6)
            #expect(facts.at("peers", "0", "endpoint")?.string == "https://192.168.1.10:3000")
        }
        let stored = try await log(of: node)
        #expect(stored.count == 6)
        for (event, sent) in zip(stored.map(\.event), noema.events) {
            #expect(event.id.description == sent.id)
            #expect(event.action == sent.action)
            #expect(event.subject == sent.traceID)
            #expect(event.origin == noema.id)
            #expect(event.originName == sent.origin)
            #expect(event.timestamp == sent.timestamp)
            #expect(event.data == sent.data)
            #expect(event.clock.json == sent.clock.json)
            #expect(event.signature == sent.signature)
            #expect(event.signature?.isEmpty == false)
            #expect(event.publicKey == sent.publicKey)
        }
        let again = try await node.facts("import", cortex.root)
        #expect(again.at("events", "duplicates")?.integer == 6)
        #expect(again.at("events", "applied")?.integer == 0)
        #expect(cortex.files() == before)
        #expect(try await node.facts("peers").at("peers", "0", "id") == nil, "an import pins nobody")

        if isRunning { #expect(try await node.stop() == .exited(0)) }
        node.setPeer("cortex", noema.endpoint, "wire: noema")
        let polled = try await node.facts("sync")
        #expect(polled.at("peers", "0", "applied")?.integer == 0)
        #expect(polled.at("peers", "0", "duplicates")?.integer == 6)
        #expect(try await log(of: node).map(\.digest) == stored.map(\.digest))
        #expect(TestFile.names(in: node.directory + "/data").allSatisfy { !$0.hasPrefix("rehearsal") })
    }

    /// The three states, and what the files and the log say of each other.
    @Test func traceFilesAreComparedWithTheEvents() async throws {
        let noema = try history(.go)
        let scratch = ScratchDirectory()
        let cortex = try await NoemaCortex(in: scratch, id: noema.id, rows: noema.events.map(NoemaCortex.Row.init))
        let (quotes, other) = (noema.events[0].traceID, noema.events[4].traceID)
        cortex.trace(quotes, in: "archive/traces", title: "Quotes", body: "Changed & <again>", more: "tags: [a, b]\n")
        cortex.trace(other, in: "trash/traces", title: "Other", body: "other")
        cortex.trace("20260101-before-the-log", title: "Old", body: "from before the log", more: "author: me\nmystery: 7\n")
        cortex.trace("20260102-put-away", in: "archive/traces", title: "Away", body: "a")
        cortex.trace("20260103-thrown-away", in: "trash/traces", title: "Thrown", body: "t")
        cortex.trace("20260104-Not-An-Id", title: "Bad", body: "x")
        cortex.trace("20260105-locked", title: "Locked", body: "x", more: "source_locked: true\n")
        cortex.trace("20260106-poem", title: "Poem", body: "x", more: "tier: eternal\n")
        TestFile.write("no front matter", to: cortex.root + "/traces/20260107-plain.md")
        let node = try await TestNode("ours", in: scratch)

        let first = try await node.run("import", cortex.root, "--json")
        #expect(first.status == 6)
        let facts = try first.json
        #expect(facts.at("files", "read")?.integer == 9)
        #expect(facts.at("files", "created")?.integer == 3)
        #expect(facts.at("files", "archived")?.integer == 1)
        #expect(facts.at("files", "trashed")?.integer == 1)
        #expect(facts.at("files", "unchanged")?.integer == 2)
        func codes(_ facts: JSON) -> [String] {
            (facts["problems"]?.array ?? []).map { "\($0["path"]?.string ?? "") \($0["code"]?.string ?? "")" }
        }
        let expected = [
            "traces/20260104-Not-An-Id.md invalid_trace_id", "traces/20260105-locked.md source_locked",
            "traces/20260106-poem.md unknown_tier", "traces/20260107-plain.md front_matter",
        ]
        #expect(codes(facts) == expected)
        let written = facts["written"]?.array?.map { "\($0["id"]?.string ?? "") \($0["did"]?.array?.compactMap(\.string) ?? [])" }
        #expect(
            written == [
                #"20260101-before-the-log ["created"]"#, #"20260102-put-away ["created", "archived"]"#,
                #"20260103-thrown-away ["created", "trashed"]"#,
            ])
        let old = try await node.facts("show", "20260101-before-the-log")
        #expect(old["body"]?.string == "from before the log")
        #expect(old["author"]?.string == "me")
        #expect(try await node.facts("show", "20260102-put-away")["lifecycle"]?.string == "archived")
        #expect(try await node.facts("show", "20260103-thrown-away")["lifecycle"]?.string == "trashed")

        // A file edited by hand, one from an old backup, one moved by hand although its events say where it lies.
        cortex.trace("20260101-before-the-log", title: "Old", body: "edited by hand", updated: "2030-01-01T00:00:00Z")
        cortex.trace("20260102-put-away", in: "archive/traces", title: "Away", body: "of last year", updated: "2025-01-01T00:00:00Z")
        rename("\(cortex.root)/archive/traces/\(quotes).md", "\(cortex.root)/traces/\(quotes).md")
        let second = try await node.run("import", cortex.root, "--json").json
        #expect(second.at("files", "updated")?.integer == 1)
        #expect(second.at("files", "created")?.integer == 0)
        #expect(Set(codes(second)) == Set(expected + [
            "archive/traces/20260102-put-away.md file_older", "traces/\(quotes).md lifecycle_differs",
        ]))
        #expect(try await node.facts("show", "20260101-before-the-log")["body"]?.string == "edited by hand")
        #expect(try await node.facts("show", "20260102-put-away")["body"]?.string == "a")
        #expect(try await node.facts("divergences")["divergences"]?.array?.isEmpty == true)

        let third = try await node.run("import", cortex.root, "--json").json
        for word in ["created", "updated", "archived", "trashed"] { #expect(third.at("files", word)?.integer == 0, "\(word)") }
    }

    /// In text, as a person sees it.
    @Test func thePersonIsToldWhatWasWrittenAndWhatWasLeft() async throws {
        let noema = try history(.rust)
        let scratch = ScratchDirectory()
        let cortex = try await NoemaCortex(
            in: scratch, id: noema.id, rows: noema.events.map(NoemaCortex.Row.init), peers: [("beta", "https://b:3000")])
        cortex.trace("20260101-before-the-log", title: "Old", body: "old")
        cortex.trace("20260104-Bad", title: "Bad", body: "x")
        let node = try await TestNode("ours", in: scratch)
        let rehearsed = try await node.run("import", cortex.root, "--dry-run")
        #expect(rehearsed.out.contains("would import the cortex alpha \(noema.id)"))
        let result = try await node.run("import", cortex.root)
        #expect(result.status == 6)
        #expect(result.out.contains("imported the cortex alpha \(noema.id) from "))
        #expect(result.out.contains("events  6 read: 6 new"))
        #expect(result.out.contains("traces/20260101-before-the-log.md: created by an event of this node"))
        #expect(result.out.contains("federation add-peer beta https://b:3000"))
        // An import that takes long says how far it is.
        let warnings = result.err.split(separator: "\n").filter { !$0.hasPrefix("import: ") }
        #expect(warnings == ["federation: warning: traces/20260104-Bad.md: its id is no record id"])
        let events = try await node.run("import", cortex.root, "--events-only")
        #expect(events.status == 0)
        #expect(events.out.contains("files   0 read"))
    }

    /// A row that is no event is listed with its reason; its neighbours are taken in.
    @Test func brokenRowsStopNothing() async throws {
        let noema = try history(.go)
        let good = noema.events.map(NoemaCortex.Row.init)
        func broken(_ number: Int, _ change: (inout NoemaCortex.Row) -> Void) -> NoemaCortex.Row {
            var row = NoemaCortex.Row(
                id: "01KNER77G5000000000000000\(number)", action: "create", subject: "20260405-broken-\(number)",
                origin: noema.id, data: FakeEvent.data(body: "b"))
            change(&row)
            return row
        }
        let rows = [
            broken(1) { $0.data = #"{"title":"# },
            broken(2) { $0.data = #"{},"action":"purge""# },
            broken(3) { $0.clock = #"{"\#(noema.id)":-1}"# },
            broken(4) { $0.id = "not an id\u{1B}[31m" },
            broken(5) { $0.data = #"{"title":"t","type":"note","body":"b","content_hash":"sha256:00"}"# },
            broken(6) { $0.action = "sing" },
            broken(7) { $0.data = #"{"title":"t","type":"note","body":"\#(String(repeating: "x", count: 5 << 20))"}"# },
            broken(8) { $0.id = "7ZZZZZZZZZZZZZZZZZZZZZZZZ8" },
        ]
        let scratch = ScratchDirectory()
        let cortex = try await NoemaCortex(in: scratch, id: noema.id, rows: Array((good.prefix(3) + rows + good.suffix(3))))
        let node = try await TestNode("ours", in: scratch)
        let rehearsed = try await node.run("import", cortex.root, "--dry-run", "--json")
        let result = try await node.run("import", cortex.root, "--json")
        #expect(result.status == 6)
        #expect(try rehearsed.json["events"]?.raw == result.json["events"]?.raw)
        #expect(try rehearsed.json["problems"]?.raw == result.json["problems"]?.raw)
        let facts = try result.json
        #expect(facts.at("events", "read")?.integer == 14)
        #expect(facts.at("events", "applied")?.integer == 6)
        #expect(facts.at("events", "unreadable")?.integer == 5)
        #expect(facts.at("events", "refused")?.integer == 1)
        #expect(facts.at("events", "held")?.integer == 1)
        #expect(facts.at("events", "deferred")?.integer == 1)
        let problems = Dictionary(
            (facts["problems"]?.array ?? []).map { ($0["event"]?.string ?? "", $0["code"]?.string ?? "") },
            uniquingKeysWith: { "\($0) \($1)" })
        #expect(problems["01KNER77G50000000000000001"] == "not_json")
        #expect(problems["01KNER77G50000000000000002"] == "not_json")
        #expect(problems["01KNER77G50000000000000003"] == "wrong_type_vclock")
        #expect(problems["not an id\u{1B}[31m"] == "invalid_id")
        #expect(problems["01KNER77G50000000000000005"] == "content_hash_mismatch")
        #expect(problems["01KNER77G50000000000000006"] == "unknown_action")
        #expect(problems["01KNER77G50000000000000007"] == "too_large")
        #expect(problems["7ZZZZZZZZZZZZZZZZZZZZZZZZ8"] == "deferred")
        let text = try await node.run("import", cortex.root)
        #expect(!text.err.contains("\u{1B}"))
        let rows2 = try await node.facts("quarantine", "list")["entries"]?.array ?? []
        #expect(Set(rows2.compactMap { $0["peer"]?.string }) == ["import:alpha"])
    }

    /// Killed with its write-ahead log beside it, or from before events were signed: read as it is, and left as it is.
    @Test(arguments: [NoemaCortex.Use.crashed, .unsigned])
    func aDatabaseIsReadHoweverItWasLeft(use: NoemaCortex.Use) async throws {
        let noema = try history(.go)
        let scratch = ScratchDirectory()
        let cortex = try await NoemaCortex(in: scratch, id: noema.id, rows: noema.events.map(NoemaCortex.Row.init), use: use)
        let node = try await TestNode("ours", in: scratch)
        let before = cortex.files()
        #expect((before["db/noema.db-wal"] != nil) == (use == .crashed))
        #expect(try await node.facts("import", cortex.root).at("events", "applied")?.integer == 6)
        let after = cortex.files()
        // The index of the write-ahead log is every reader's to make.
        #expect(after.filter { $0.key != "db/noema.db-shm" } == before.filter { $0.key != "db/noema.db-shm" })
    }

    /// An event of ours that the cortex has and we lack says that this database is old.
    @Test func aCortexThatKnowsMoreOfUsThanWeDoStopsTheNode() async throws {
        let scratch = ScratchDirectory()
        let node = try await TestNode("ours", in: scratch)
        try await node.put("# Before\n")
        let backup = TestFile.bytes(node.directory + "/data/federation.db")
        try await node.put("# After\n")
        let lost = try #require(try await log(of: node).last?.event)
        var row = NoemaCortex.Row(
            id: lost.id.description, action: lost.action, subject: lost.subject, origin: lost.origin,
            data: String(decoding: lost.data ?? [], as: UTF8.self))
        row.originName = lost.originName
        row.timestamp = lost.timestamp
        row.clock = String(decoding: lost.clock.json, as: UTF8.self)
        row.signature = lost.signature
        row.publicKey = lost.publicKey
        let cortex = try await NoemaCortex(in: scratch, id: CortexImportTests.id, rows: [row])
        // In place, so that it is still the file that the node was made with.
        TestFile.write(backup, to: node.directory + "/data/federation.db")
        #expect(try await node.run("import", cortex.root, "--dry-run").status == 5)
        #expect(try await node.run("put", "-", input: "# Still\n").status == 0)
        let result = try await node.run("import", cortex.root, "--json")
        #expect(result.status == 5)
        #expect(try result.json["stops_node"]?.bool == true)
        #expect(try await node.run("put", "-", input: "# No more\n").status == 5)
    }
}
