import FederationCore
import Testing

@testable import FederationStore

/// What `--dry-run` says would happen, happens without it, and not with it; and what `--no-input` does not ask.
@Suite(.serialized) struct DryRunTests {
    @Test func aNodeIsPlannedAndThenMade() async throws {
        let scratch = ScratchDirectory()
        let directory = scratch.file("planned")
        let plan = try await Program.run(["init", directory, "--dry-run", "--json"], in: scratch)
        #expect(plan.status == 0, "\(plan.err)")
        #expect(try plan.json["dry_run"]?.bool == true && plan.json["config"]?.string == directory + "/federation.yaml")
        #expect(!TestFile.exists(directory))
        #expect(try await Program.run(["init", directory, "--dry-run", "--listen", "nowhere"], in: scratch).status == 3)
        let made = try await Program.run(["init", directory, "--json"], in: scratch)
        #expect(try made.json["config"]?.string == plan.json["config"]?.string)
        #expect(try made.json["data"]?.string == plan.json["data"]?.string)
        let again = try await Program.run(["init", directory, "--dry-run"], in: scratch)
        #expect(again.status == 1 && again.err.contains("already"), "\(again.err)")
    }

    /// The first command after an upgrade brings the database up to date, also one that only says what it would do.
    @Test func aRehearsalIsNoStrangerToAnOlderDatabase() async throws {
        let scratch = ScratchDirectory()
        let alpha = try await TestNode("alpha", in: scratch)
        for arguments in [["sync", "--dry-run"], ["identity", "recover", "--dry-run"], ["import", alpha.directory, "--markdown", "--dry-run"]] {
            do {
                let connection = try SQLiteConnection(path: alpha.directory + "/data/federation.db", mode: .readWrite)
                try connection.setUserVersion(try connection.userVersion() - 1)
            }
            let result = try await Program.run(arguments + ["--config", alpha.configPath], in: scratch)
            #expect(!result.err.contains("database"), "\(arguments): \(result)")
        }
    }

    @Test(arguments: [false, true])
    func aSyncIsRehearsedOnACopy(withDaemon: Bool) async throws {
        let scratch = ScratchDirectory()
        let beta = try await TestNode("beta", in: scratch)
        for each in 1...3 { try await beta.put("# Note \(each)\n") }
        try await beta.start()
        let alpha = try await TestNode("alpha", in: scratch, interval: "1h")
        alpha.setPeer("beta", "http://127.0.0.1:\(beta.port)")
        // A daemon has caught up before; what comes after waits for its next poll.
        if withDaemon {
            try await alpha.start()
            try await eventually("three events") { (try await alpha.events().count == 3).orNil }
            try await expectOK(alpha.run("pause-peer", "beta"))
            try await beta.put("# Late\n")
        }
        let files = TestFile.names(in: alpha.directory + "/data").sorted()
        let status = try await alpha.status().at("peers", "0", "last_event")?.string
        if withDaemon {
            // What the configuration says now: the peer is paused.
            let paused = try await alpha.facts("sync", "--dry-run")
            #expect(paused.at("peers", "0", "paused")?.bool == true)
            #expect(try await alpha.run("sync").out == "beta: paused, and not asked\n")
        } else {
            let plan = try await alpha.facts("sync", "--dry-run")
            #expect(plan["dry_run"]?.bool == true && plan.at("peers", "0", "applied")?.integer == 3, "\(plan.raw)")
            let words = try await alpha.run("sync", "--dry-run")
            #expect(words.out == "beta: 3 new events would come\n", "\(words.out)")
            #expect(try await alpha.run("verify", "--dry-run").status == 0)
            #expect(try await alpha.events().isEmpty)
        }
        #expect(try await alpha.status().at("peers", "0", "last_event")?.string == status)
        #expect(TestFile.names(in: alpha.directory + "/data").filter { $0.hasPrefix("rehearsal") } == [])
        #expect(Set(files).subtracting(TestFile.names(in: alpha.directory + "/data")).isSubset(of: ["federation.db-wal", "federation.db-shm"]))
        if withDaemon { #expect(try await alpha.stop() == .exited(0)) } else {
            #expect(try await alpha.facts("sync").at("peers", "0", "applied")?.integer == 3)
        }
        #expect(try await beta.stop() == .exited(0))
    }

    /// A leaf gives its hub what it wrote when it syncs; when it only rehearses that, it gives nothing.
    @Test func aRehearsalGivesNothingAway() async throws {
        let star = try await Star("beta")
        let (alpha, beta) = (star.alpha, star.leaves[0])
        try await alpha.start()
        try await alpha.put("# Of alpha\n")
        try await beta.put("# Of beta\n")
        #expect(try await beta.facts("sync", "--dry-run").at("peers", "0", "applied")?.integer == 1)
        #expect(try await alpha.events().count == 1)
        try await expectOK(beta.run("sync"))
        try await eventually("alpha has both") { (try await alpha.events().count == 2).orNil }
        #expect(try await alpha.stop() == .exited(0))
    }

    @Test func aReloadIsRehearsed() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        #expect(try await node.run("reload", "--dry-run").status == 1)
        try await node.start()
        let result = try await node.run("reload", "--dry-run")
        #expect(result.status == 0 && result.out == "nothing would change\n", "\(result.out)\(result.err)")
        let text = TestFile.text(node.configPath)
        TestFile.write(text + "\nnonsense: 1\n", to: node.configPath)
        let bad = try await node.run("reload", "--dry-run", "--json")
        #expect(bad.status == 3)
        #expect(try bad.json.at("config", "problems", "0")?.string?.contains("nonsense") == true, "\(bad.out)")
        TestFile.write(text, to: node.configPath)
        #expect(try await node.stop() == .exited(0))
    }

    @Test func aKeyForRequestsIsPlanned() async throws {
        let scratch = ScratchDirectory()
        let path = scratch.file("ring.key")
        let plan = try await Program.run(["key", "new", path, "--dry-run"], in: scratch)
        #expect(plan.status == 0 && plan.out == "would make a key in \(path)\n" && !TestFile.exists(path))
        #expect(try await Program.run(["key", "new", path], in: scratch).status == 0)
        let again = try await Program.run(["key", "new", path, "--dry-run", "--json"], in: scratch)
        #expect(try again.json.at("error", "code")?.string == "access_key")
        #expect(again.status == 3)
    }

    @Test func aPairingIsOnlyShown() async throws {
        let scratch = ScratchDirectory()
        let beta = try await TestNode("beta", in: scratch)
        try await beta.start()
        let alpha = try await TestNode("alpha", in: scratch)
        alpha.setPeer("beta", "http://127.0.0.1:\(beta.port)")
        let shown = try await alpha.run("pair", "beta", "--yes", "--dry-run", "--json")
        #expect(shown.status == 0)
        #expect(try shown.json.at("peers", "0", "standing")?.string == "unmet", "\(shown.out)")
        #expect(try shown.json.at("peers", "0", "words")?.string?.split(separator: " ").count == 6)
        let done = try await alpha.run("pair", "beta", "--yes", "--json")
        #expect(try done.json.at("peers", "0", "standing")?.string == "paired")
        #expect(try await beta.stop() == .exited(0))
    }

    @Test func onATerminalNothingIsAskedWithNoInput() async throws {
        let scratch = ScratchDirectory()
        let node = try await TestNode("alpha", in: scratch)
        let id = try await node.put("# Kept\n")
        let output = scratch.file("terminal")
        let script = "import pty, sys, os; s = pty.spawn(sys.argv[1:]); sys.exit(os.waitstatus_to_exitcode(s))"
        let process = try ChildProcess(
            "/usr/bin/python3",
            ["-c", script, Program.path, "purge", id, "--no-input", "--config", node.configPath], output: output,
            error: output)
        // Whoever asked would wait for ever.
        #expect(try await process.end() == .exited(1))
        let text = TestFile.text(output)
        #expect(!text.contains("[y/N]") && text.contains("--yes"), "\(text)")
        #expect(try await node.facts("records")["records"]?.array?.count == 1)
    }
}
