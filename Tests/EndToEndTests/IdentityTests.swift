import FederationCore
import Glibc
import Testing

@Suite(.serialized) struct IdentityTests {
    @Test func aReplacedPeerIsRefusedUntilItIsReset() async throws {
        let scratch = ScratchDirectory()
        let alpha = try await TestNode("alpha", in: scratch)
        let beta = try await TestNode("beta", in: scratch)
        alpha.setPeer("beta", beta.endpoint)
        try await beta.start()
        try await beta.put("# From the first\n")
        #expect(try await alpha.run("sync").status == 0)
        let pinned = try await alpha.peerStatus("beta")
        try await beta.stop()

        let other = try await TestNode("other", in: scratch, port: beta.port)
        try await other.start()
        let foreign = try await other.put("# From the second\n")
        try await alpha.start()
        try await eventually("the mismatch is seen; log:\n\(alpha.log)") {
            let peer = try await alpha.peerStatus("beta")
            return (peer?.at("last_error", "reason")?.string == "identity_mismatch").orNil
        }
        let sync = try await alpha.run("sync", "beta")
        #expect(sync.status == 5)
        #expect(sync.err.contains("identity_mismatch") && sync.err.contains("reset-peer"))
        let after = try await alpha.peerStatus("beta")
        #expect(after?["id"]?.string == pinned?["id"]?.string)
        #expect(after?["last_event"]?.string == pinned?["last_event"]?.string)
        #expect(try await alpha.run("show", foreign).status == 1)

        #expect(try await alpha.run("reset-peer", "beta", "--yes").status == 0)
        try await eventually("the second is met") { (try await alpha.run("show", foreign).status == 0).orNil }
        #expect(try await alpha.peerStatus("beta")?["id"]?.string == other.facts("identity", "show")["id"]?.string)
        #expect(try await alpha.run("status", "--check").status == 0)
        #expect(try await alpha.stop() == .exited(0))
        #expect(try await other.stop() == .exited(0))
    }

    @Test func aNodeThatPollsItselfIsAMismatch() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        node.setPeer("mirror", "http://localhost:\(node.port)")
        try await node.start()
        try await eventually("the mismatch is seen") {
            let peer = try await node.peerStatus("mirror")
            return (peer?.at("last_error", "reason")?.string == "identity_mismatch").orNil
        }
        #expect(try await node.run("sync").status == 5)
        #expect(try await node.stop() == .exited(0))
    }

    @Test func aCopiedDirectoryWritesNothingUntilAPersonHasChosen() async throws {
        let scratch = ScratchDirectory()
        let alpha = try await TestNode("alpha", in: scratch)
        let first = try await alpha.put("# Original\n")
        let copy = scratch.file("copy")
        let cp = try ChildProcess("/bin/cp", ["-r", alpha.directory, copy], output: "/dev/null", error: "/dev/null")
        #expect(try await cp.end() == .exited(0))
        func run(_ arguments: String..., input: String = "") async throws -> CommandResult {
            try await Program.run(arguments + ["--config", copy + "/federation.yaml"], input: input, in: scratch)
        }
        for command in [["run"], ["put", "-"], ["sync"], ["check"]] {
            let result = try await Program.run(
                command + ["--config", copy + "/federation.yaml"], input: "# No\n", in: scratch)
            #expect(result.status == 5, "\(command): \(result.err)")
            #expect(result.err.contains("copy"), "\(command): \(result.err)")
        }
        #expect(try await run("put", "-", input: "# No\n").err.contains("identity new"))
        #expect(try await run("show", first).status == 0)
        #expect(try await run("status", "--check").status == 6)
        let unconfirmed = try await run("identity", "new")
        #expect(unconfirmed.status == 1)
        let planned = try await run("identity", "new", "--dry-run", "--json").json
        #expect(planned["dry_run"]?.bool == true && planned["log_events"]?.integer == 1 && planned["id"] == nil)
        #expect(try await run("identity", "show").out.contains(planned["was"]?.string ?? "?"))
        let renewed = try await run("identity", "new", "--yes", "--json")
        #expect(renewed.status == 0)
        let original = try await alpha.facts("identity", "show")["id"]?.string
        #expect(try renewed.json["was"]?.string == original)
        let second = try await run("put", "-", input: "# Of the copy\n")
        #expect(second.status == 0)
        let events = try await run("events", "--json").json["events"]?.array ?? []
        #expect(events.last?["origin"]?.string == (try renewed.json["id"]?.string))
        #expect(try await alpha.run("check").status == 0)
    }

    @Test func aRestoredDatabaseLearnsAtFirstContactThatItIsBehind() async throws {
        let scratch = ScratchDirectory()
        let alpha = try await TestNode("alpha", in: scratch)
        let beta = try await TestNode("beta", in: scratch)
        alpha.setPeer("beta", beta.endpoint)
        beta.setPeer("alpha", alpha.endpoint)
        let note = try await alpha.put("# Note\n\nOne.\n")
        let backup = TestFile.bytes(alpha.directory + "/data/federation.db")
        try await alpha.start()
        try await alpha.put("# Note\n\nTwo.\n", "--id", note)
        #expect(try await beta.run("sync").status == 0)
        #expect(try await alpha.stop() == .exited(0))
        // The same file with the contents of yesterday: nothing but its peers can tell.
        TestFile.write(backup, to: alpha.directory + "/data/federation.db")
        #expect(try await alpha.facts("show", note)["body"]?.string == "# Note\n\nOne.\n")

        try await beta.start()
        try await alpha.start()
        try await eventually("alpha knows that it is behind; log:\n\(alpha.log)") {
            (try await alpha.status()["state"]?.string == "stopped").orNil
        }
        let refused = try await alpha.run("put", "-", "--id", note, input: "# Note\n\nThree.\n")
        #expect(refused.status == 5)
        #expect(refused.err.contains("identity recover"))
        try await alpha.stop()
        #expect(try await alpha.run("run").status == 5)
        let planned = try await alpha.run("identity", "recover", "--dry-run", "--json")
        #expect(planned.status == 0, "\(planned.err)")
        #expect(try planned.json["number"]?.integer == 2 && planned.json["dry_run"]?.bool == true)
        #expect(try await alpha.status()["state"]?.string == "stopped", "a dry run recovers nothing")
        #expect(TestFile.names(in: alpha.directory + "/data").allSatisfy { !$0.hasPrefix("rehearsal") })
        let recovered = try await alpha.run("identity", "recover", "--json")
        #expect(recovered.status == 0, "\(recovered.err)")
        #expect(try recovered.json["number"]?.integer == 2)
        try await alpha.put("# Note\n\nThree.\n", "--id", note)
        try await alpha.start()
        try await eventually("beta has the third") {
            (try await beta.facts("show", note)["body"]?.string == "# Note\n\nThree.\n").orNil
        }
        #expect(try await beta.facts("divergences")["divergences"]?.array?.count == 0)
        #expect(try await alpha.stop() == .exited(0))
        #expect(try await beta.stop() == .exited(0))
    }
}
