import FederationCore
import Testing

/// `archive`, `unarchive`, `trash`, `recover` and `purge`, and what their dry runs leave as it is.
@Suite(.serialized) struct LifecycleCommandTests {
    /// Everything that a write could change.
    private func state(_ node: TestNode) async throws -> String {
        let status = try await node.status()
        return try await "\(node.events()) \(node.records()) \(status["vclock"].map { String(decoding: $0.raw, as: UTF8.self) } ?? "")"
    }

    @Test(arguments: [false, true])
    func recordsGoAndComeBack(withDaemon: Bool) async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let one = try await node.put("# One\n")
        let two = try await node.put("# Two\n")
        if withDaemon { try await node.start() }
        for (there, back, state) in [("archive", "unarchive", "archived"), ("trash", "recover", "trashed")] {
            let before = try await self.state(node)
            let planned = try await node.facts(there, one, two, "--dry-run")
            #expect(planned["dry_run"]?.bool == true && planned["count"]?.integer == 2 && planned["changed"]?.integer == 2)
            #expect(try await self.state(node) == before)
            let text = try await node.run(there, one, two, "--dry-run")
            #expect(text.out.contains("\(one): would be \(state) (1 event)\n"), "\(text.out)")
            #expect(text.out.hasSuffix("2 events for 2 records in all\n"), "\(text.out)")

            #expect(try await node.run(there, one, two).out == "\(one): \(state)\n\(two): \(state)\n")
            #expect(try await node.facts("show", one)["lifecycle"]?.string == state)
            let again = try await node.facts(there, one, two)
            #expect(again["changed"]?.integer == 0 && again["unchanged"]?.integer == 2 && again["count"]?.integer == 0)
            #expect(try await node.run(there, one).out == "\(one): is so already\n")
            let listed = try await node.facts("records", "--state", state)["records"]?.array
            #expect(listed?.compactMap { $0["id"]?.string } == [one, two].sorted())

            let restored = try await node.facts(back, one, two)
            #expect(restored.at("records", "0", "events")?.array?.count == 1)
            #expect(try await node.facts("show", two)["lifecycle"]?.string == "active")
        }
        let actions = try await node.facts("events", one)["events"]?.array?.compactMap { $0["action"]?.string }
        #expect(actions == ["create", "archive", "unarchive", "trash", "recover"])
        if withDaemon { #expect(try await node.stop() == .exited(0)) }
    }

    @Test func oneRefusalLeavesAllAsTheyWere() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let good = try await node.put("# Good\n")
        let trashed = try await node.put("# Trashed\n")
        try await expectOK(node.run("trash", trashed))
        let before = try await state(node)
        func refusal(_ arguments: String...) async throws -> (Int32, String?, String) {
            let result = try await Program.run(arguments + ["--json", "--config", node.configPath], in: node.scratch)
            return (result.status, try result.json.at("error", "code")?.string, result.err)
        }
        let absent = try await refusal("trash", good, "20260405-nothing")
        #expect(absent.0 == 1 && absent.1 == "unknown_record")
        for command in ["archive", "unarchive"] {
            let refused = try await refusal(command, good, trashed)
            #expect(refused.0 == 1 && refused.1 == "trashed")
            #expect(refused.2.contains("federation: hint: bring it back first: 'federation recover \(trashed)'"))
        }
        #expect(try await refusal("archive", "no-id").1 == "unknown_record")
        let many = (0...Limits.recordsPerCommand).map { "20260405-n\($0)" }
        let result = try await Program.run(["archive"] + many + ["--config", node.configPath], in: node.scratch)
        #expect(result.status == 2 && result.err.contains("at most 1000 records at a time"))
        #expect(try await state(node) == before)
    }

    @Test func aDivergedRecordIsResolvedFirst() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let trace = "20260406-hello-1"
        let peer = try FakeNoema(events: [
            FakeEvent.create(1),
            FakeEvent.event(2, trace: trace, action: "update", data: FakeEvent.data(body: "a")),
            FakeEvent.event(
                3, trace: trace, action: "update", data: FakeEvent.data(body: "b"),
                clock: #"{"\#(FakeNoema.id)":1,"01KNJX4991ASW6NNKS9BQHNCG1":1}"#, origin: "01KNJX4991ASW6NNKS9BQHNCG1"),
        ])
        node.setPeer("fake", peer.endpoint)
        try await expectOK(node.run("sync"))
        #expect(try await node.facts("records", "--state", "diverged").at("records", "0", "id")?.string == trace)
        let refused = try await node.run("trash", trace)
        #expect(refused.status == 1 && refused.err.contains("choose one with 'federation resolve'"), "\(refused.err)")
        let before = try await state(node)
        let planned = try await node.facts("resolve", trace, "--accept", FakeNoema.id, "--dry-run")
        #expect(planned["dry_run"]?.bool == true && planned["count"]?.integer == 1)
        #expect(try await node.run("resolve", trace, "--accept", FakeNoema.id, "--dry-run").out == "\(trace) would be resolved (1 event)\n")
        let nobody = try await node.run("resolve", trace, "--accept", "nobody-at-all", "--dry-run")
        #expect(nobody.status == 1 && nobody.err.contains("no version 'nobody-at-all' of '\(trace)'"), "\(nobody.err)")
        #expect(try await state(node) == before)
        try await expectOK(node.run("resolve", trace, "--accept", FakeNoema.id))
        try await expectOK(node.run("trash", trace))
    }

    @Test func aPurgeSaysWhatItCostsAndAsks() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let one = try await node.put("# One\n\nsecret\n")
        try await node.put("# One\n\nsecret too\n", "--id", one)
        let two = try await node.put("# Two\n")
        let before = try await state(node)
        let planned = try await node.facts("purge", one, two, "--dry-run")
        #expect(planned.at("records", "0", "log_events")?.integer == 2)
        #expect(planned.at("records", "0", "title")?.string == "One")
        // A trash goes before each purge: a Noema node purges from its trash only.
        #expect(planned["changed"]?.integer == 2 && planned["count"]?.integer == 4)
        let asked = try await node.run("purge", one, two, input: "y\n")
        #expect(asked.status == 1 && asked.err.contains("for good, on every node") && asked.err.contains("--yes"))
        #expect(asked.out.contains("\(one) 'One' would lose its text, in 2 versions\n"), "\(asked.out)")
        #expect(try await node.run("purge", one, "20260405-nothing", "--yes").status == 1)
        #expect(try await state(node) == before)

        let done = try await node.run("purge", one, "--yes")
        #expect(done.status == 0 && done.out.hasSuffix("\(one): purged\n"), "\(done.out)")
        let shown = try await node.facts("show", one)
        #expect(shown.at("purged", "action")?.string == "purge" && shown["body"] == nil)
        #expect(try await node.facts("records", "--state", "purged").at("records", "0", "id")?.string == one)
        #expect(try await node.facts("records", "--search", "secret", "--all").at("records", "0") == nil)
        for refused in ["archive", "trash", "recover"] { #expect(try await node.run(refused, one).status == 1) }
        #expect(try await node.run("purge", one, "--yes").out == "\(one): purged already\n\(one): is so already\n")
        #expect(try await node.run("put", "-", "--id", one, input: "back\n").status == 1)
    }

    @Test func whatIsDoneHereHappensOnEveryNode() async throws {
        let ring = try await Ring("alpha", "beta")
        try await ring.start()
        let kept = try await ring["alpha"].put("# Kept\n")
        let gone = try await ring["alpha"].put("# Gone\n")
        try await ring.agreement(records: 2)
        try await expectOK(ring["beta"].run("archive", kept))
        try await expectOK(ring["beta"].run("purge", gone, "--yes"))
        try await ring.agreement(events: 5)
        #expect(try await ring["alpha"].facts("show", kept)["lifecycle"]?.string == "archived")
        #expect(try await ring["alpha"].facts("show", gone)["purged"] != nil)
        let status = try await ring["alpha"].status()
        #expect(status["state"]?.string == "ok")
        try await ring.stop()
    }

    @Test func aDryPutWritesNothing() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let id = try await node.put("# One\n")
        let before = try await state(node)
        func dry(_ text: String, _ options: String...) async throws -> CommandResult {
            try await Program.run(
                ["put", "-", "--dry-run", "--config", node.configPath] + options, input: text, in: node.scratch)
        }
        #expect(try await dry("# New\n").out == "-: would write a record 'New' (1 event)\n")
        #expect(try await dry("# More\n", "--id", id, "--tier", "mid").out == "-: would write a version of \(id) 'One' (2 events)\n")
        let json = try await dry("# New\n", "--json").json
        #expect(json["dry_run"]?.bool == true && json["created"]?.bool == true && json["count"]?.integer == 1)
        #expect(json["id"] == nil && json["events"] == nil && json["title"]?.string == "New")
        #expect(try await dry("x\n", "--id", "20260405-nothing").status == 1)
        #expect(try await dry("x\n", "--type", "sonnet").status == 1)
        #expect(try await state(node) == before)
    }
}

/// Fails with what the command said where it did not succeed.
func expectOK(_ result: CommandResult, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(result.status == 0, "\(result.out)\(result.err)", sourceLocation: sourceLocation)
}
