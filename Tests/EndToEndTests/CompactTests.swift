import FederationCore
import Glibc
import Testing

/// Stubs in rings of real nodes.
@Suite struct CompactTests {
    /// A node with a record that was edited `edits` times, and another that never was.
    private func edited(_ node: TestNode, edits: Int) async throws -> String {
        let note = try await node.put("# Note\n\nAt first.\n")
        let text = String(repeating: "Words that take room. ", count: 500)
        for number in 1...edits { try await node.put("# Note\n\n\(number) \(text)\n", "--id", note) }
        try await node.put("# Never edited\n")
        return note
    }

    private func stubs(_ node: TestNode) async throws -> Int {
        try await node.facts("events", "--limit", "1000")["events"]?.array?.count { $0["stub"]?.bool == true } ?? 0
    }

    @Test func textGoesRecordsStayAndLogsAreEqual() async throws {
        let ring = try await Ring("alpha", "beta")
        let (alpha, beta) = (ring["alpha"], ring["beta"])
        for node in ring.nodes { try await node.start() }
        let note = try await edited(alpha, edits: 12)
        try await eventually("beta has all") { (try await beta.events().count == 14).orNil }
        let (records, log) = (try await alpha.records(), try await alpha.events())

        // By default what was overtaken today stays.
        #expect(try await alpha.facts("compact")["stubs"]?.integer == 0)
        let planned = try await alpha.facts("compact", "--keep-days", "0", "--dry-run")
        #expect(try await stubs(alpha) == 0)
        let done = try await alpha.facts("compact", "--keep-days", "0")
        for word in ["stubs", "records", "bytes"] { #expect(planned[word]?.integer == done[word]?.integer, "\(word)") }
        #expect(done["stubs"]?.integer == 11 && done["records"]?.integer == 1)
        #expect(done["bytes"]?.integer ?? 0 > 11 * 11_000)
        #expect(try await alpha.facts("compact", "--keep-days", "0")["stubs"]?.integer == 0, "twice is once")
        let small = try await alpha.facts("compact", "--keep-days", "0", "--vacuum")
        #expect(small["file_after"]?.integer ?? .max < done["file_before"]?.integer ?? 0)
        #expect(small["reusable"]?.integer == 0)

        #expect(try await alpha.records() == records)
        #expect(try await alpha.events() == log)
        let verified = try await alpha.run("verify")
        #expect(verified.status == 0, "\(verified.out)\(verified.err)")
        #expect(try await alpha.facts("verify", "--self")["ok"]?.bool == true)
        // Whoever still has the text does not bring it back, and edits go on.
        #expect(try await stubs(alpha) == 11)
        #expect(try await stubs(beta) == 0)
        try await beta.put("# Note\n\nOf beta.\n", "--id", note)
        try await eventually("alpha has it") {
            (try await alpha.facts("show", note)["body"]?.string == "# Note\n\nOf beta.\n").orNil
        }
        for node in ring.nodes { try await node.stop() }
    }

    /// A node that was not there gets the stubs and what they stand for, also under `enforce`; it chains and compares.
    @Test func whoeverIsBehindGetsStubsAndTheState() async throws {
        let scratch = ScratchDirectory()
        let alpha = try await TestNode("alpha", in: scratch)
        let late = try await TestNode("late", in: scratch)
        late.setPeer("alpha", alpha.endpoint)
        late.set("verify", "enforce")
        let note = try await edited(alpha, edits: 8)
        #expect(try await alpha.facts("compact", "--keep-days", "0")["stubs"]?.integer == 7)
        try await alpha.start()
        #expect(try await late.run("sync").status == 0)
        #expect(try await stubs(late) == 7)
        #expect(try await late.events() == alpha.events())
        #expect(try await late.records() == alpha.records())
        #expect(try await late.facts("show", note)["incomplete"] == nil)
        #expect(try await late.run("verify").status == 0)
        #expect(try await late.facts("verify", "--self")["ok"]?.bool == true)
        try await late.put("# Note\n\nOf the late one.\n", "--id", note)
        #expect(try await alpha.stop() == .exited(0))
    }

    @Test func aCompactionThatIsKilledIsBegunAnew() async throws {
        let scratch = ScratchDirectory()
        let node = try await TestNode("alpha", in: scratch)
        for number in 0..<4 {
            let note = try await node.put("# \(number)\n")
            for edit in 0..<3 { try await node.put("# \(number)\n\n\(edit)\n", "--id", note) }
        }
        let (records, log) = (try await node.records(), try await node.events())
        for round in 0..<5 {
            let process = try ChildProcess(
                Program.path, ["compact", "--keep-days", "0", "--vacuum", "--config", node.configPath],
                output: scratch.file("out"), error: scratch.file("out"))
            try await Task.sleep(for: .milliseconds(Int64(5 * (1 << round))))
            process.signal(SIGKILL)
            _ = try await process.end()
            #expect(try await node.records() == records)
            #expect(try await node.events() == log)
        }
        _ = try await node.facts("compact", "--keep-days", "0")
        #expect(try await stubs(node) == 8)
        #expect(try await node.facts("verify", "--self")["ok"]?.bool == true)
    }
}

@Suite(
    .enabled(if: Program.previous != nil, "the released program is not built: run .ci/previous-version in a full clone"))
struct MixedCompactTests {
    /// The released program takes stubs, and agrees.
    @Test func aNodeOfTheReleasedProgramTakesStubs() async throws {
        let scratch = ScratchDirectory()
        let alpha = try await TestNode("alpha", in: scratch)
        let old = try await TestNode("old", in: scratch, program: try #require(Program.previous))
        old.setPeer("alpha", alpha.endpoint)
        alpha.setPeer("old", old.endpoint)
        let note = try await alpha.put("# Note\n")
        for edit in 0..<5 { try await alpha.put("# Note\n\n\(edit)\n", "--id", note) }
        #expect(try await alpha.facts("compact", "--keep-days", "0")["stubs"]?.integer == 4)
        for node in [alpha, old] { try await node.start() }
        try await eventually("the old one has all") { (try await old.events() == alpha.events()).orNil }
        try await old.put("# Note\n\nOf the old one.\n", "--id", note)
        try await eventually("alpha has that") {
            (try await alpha.facts("show", note)["body"]?.string == "# Note\n\nOf the old one.\n").orNil
        }
        for node in [alpha, old] { try await node.stop() }
    }
}
