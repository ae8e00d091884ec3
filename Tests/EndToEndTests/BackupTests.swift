import FederationCore
import Glibc
import Testing

/// Backups of a node that runs, and what becomes of them.
@Suite struct BackupTests {
    private func bodies(_ node: TestNode, _ ids: [String]) async throws -> [String] {
        try await ids.asyncMap { try await node.facts("show", $0)["body"]?.string ?? "" }
    }

    /// A ring of three; writes go on while the backup is made; then the node is destroyed.
    private func lostNode(_ keeps: Bool) async throws -> (ring: Ring, file: String, note: String) {
        let ring = try await Ring("alpha", "beta", "gamma")
        let alpha = ring["alpha"]
        for node in ring.nodes { try await node.start() }
        let note = try await alpha.put("# Note\n\nOne.\n")
        let file = ring.scratch.file("alpha-backup.db")
        let writes = Task { for number in 0..<10 { try await alpha.put("# Meanwhile \(number)\n") } }
        let backup = try await alpha.facts("backup", file)
        try await writes.value
        #expect(backup["log_events"]?.integer ?? 0 >= 1 && backup["with_key"]?.bool == false)
        try await alpha.put("# Note\n\nTwo.\n", "--id", note)
        try await alpha.put("# After the backup\n")
        _ = try await agreement(of: ring.nodes)
        try await alpha.stop(SIGKILL)
        let key = TestFile.bytes(alpha.directory + "/data/signing.key")
        ScratchDirectory.remove(alpha.directory + "/data")
        if keeps {
            mkdir(alpha.directory + "/data", 0o700)
            TestFile.write(key, to: alpha.directory + "/data/signing.key")
            chmod(alpha.directory + "/data/signing.key", 0o600)
        }
        return (ring, file, note)
    }

    private func agreement(of nodes: [TestNode]) async throws -> [String] {
        try await eventually("the logs are equal") {
            let logs = try await nodes.asyncMap { try await $0.events() }
            return Set(logs).count == 1 ? logs[0] : nil
        }
    }

    @Test func aLostNodeGoesOnAsItself() async throws {
        let (ring, file, note) = try await lostNode(true)
        let alpha = ring["alpha"]
        let restored = try await alpha.facts("restore", file, "--keep-identity")
        #expect(restored["kept_identity"]?.bool == true)
        let refused = try await alpha.run("put", "-", "--id", note, input: "# Note\n\nThree.\n")
        #expect(refused.status == 5 && refused.err.contains("identity recover"), "\(refused.err)")
        let recovered = try await alpha.run("identity", "recover", "--json")
        #expect(recovered.status == 0, "\(recovered.err)")
        #expect(try recovered.json["fetched"]?.integer ?? 0 >= 2)
        try await alpha.put("# Note\n\nThree.\n", "--id", note)
        try await alpha.start()
        #expect(try await agreement(of: ring.nodes).count == 14)
        for node in ring.nodes {
            #expect(try await bodies(node, [note]) == ["# Note\n\nThree.\n"], "\(node.name)")
            #expect(try await node.facts("divergences")["divergences"]?.array?.count == 0)
            #expect(try await node.facts("verify", "--self")["ok"]?.bool == true)
        }
        for node in ring.nodes { try await node.stop() }
    }

    @Test func aLostNodeGoesOnAsAnother() async throws {
        let (ring, file, note) = try await lostNode(false)
        let alpha = ring["alpha"]
        let restored = try await alpha.facts("restore", file)
        #expect(restored["was"]?.string != restored["id"]?.string)
        try await alpha.put("# Of the new node\n")
        try await alpha.start()
        // To its peers it is a stranger under the name of one they know.
        try await eventually("beta sees another node") {
            (try await ring["beta"].peerStatus("alpha")?.at("last_error", "reason")?.string == "identity_mismatch").orNil
        }
        for peer in ["beta", "gamma"] {
            #expect(try await ring[peer].run("reset-peer", "alpha", "--yes").status == 0)
        }
        #expect(try await agreement(of: ring.nodes).count == 14)
        for node in ring.nodes {
            #expect(try await bodies(node, [note]) == ["# Note\n\nTwo.\n"], "\(node.name)")
            #expect(try await node.facts("divergences")["divergences"]?.array?.count == 0)
            #expect(try await node.facts("verify", "--self")["ok"]?.bool == true)
        }
        // An edit of what the old identity wrote last is no divergence from it.
        try await alpha.put("# Note\n\nThree.\n", "--id", note)
        try await eventually("beta has it") {
            (try await bodies(ring["beta"], [note]) == ["# Note\n\nThree.\n"]).orNil
        }
        for node in ring.nodes { try await node.stop() }
    }

    @Test func nothingIsOverwrittenAndNothingIsRestoredOverANode() async throws {
        let scratch = ScratchDirectory()
        let node = try await TestNode("alpha", in: scratch)
        try await node.put("# One\n")
        let file = scratch.file("backup.db")
        let planned = try await node.facts("backup", file, "--dry-run")
        #expect(planned["dry_run"]?.bool == true && planned["log_events"]?.integer == 1)
        #expect(access(file, F_OK) != 0)
        let made = try await node.facts("backup", file)
        let digest = made["digest"]?.string
        #expect(TestFile.text(file + ".sha256") == "\(made["sha256"]?.string ?? "")  backup.db\n")
        #expect(try await node.run("backup", file).status == 1)
        #expect(try await node.run("backup", node.directory + "/data/federation.db", "--force").status == 1)
        #expect(try await node.run("backup", scratch.file("nowhere/backup.db")).err.contains("No such file"))
        try await node.put("# Two\n")
        #expect(try await node.facts("backup", file, "--force")["digest"]?.string != digest)
        let checked = try await node.facts("backup", "--verify", file)
        #expect(checked["ok"]?.bool == true && checked["log_events"]?.integer == 2)
        #expect(checked["hash_compared"]?.bool == true)
        // A hash that is not there, and one that cannot be read.
        unlink(file + ".sha256")
        #expect(try await node.facts("backup", "--verify", file)["hash_compared"]?.bool == false)
        #expect(try await node.run("backup", "--verify", file).err.contains("there is no"))
        mkdir(file + ".sha256", 0o755)
        let unread = try await node.run("backup", "--verify", file, "--json")
        #expect(unread.status == 6 && unread.out.contains("hash_unreadable"), "\(unread.out)")
        rmdir(file + ".sha256")

        for command in [["restore", file], ["restore", file, "--dry-run"]] {
            let refused = try await Program.run(command + ["--json", "--config", node.configPath], in: scratch)
            #expect(refused.status == 1)
            #expect(try refused.json.at("error", "code")?.string == "not_empty", "\(refused.out)")
        }
        try await node.start()
        #expect(try await node.run("restore", file).err.contains("another federation process"))
        try await node.stop()
        #expect(try await node.run("restore", node.configPath).err.contains("is no backup"))
        // Nothing of the copies is left behind.
        #expect(TestFile.names(in: scratch.path).allSatisfy { !$0.hasSuffix(".new") && !$0.hasSuffix("-wal") })
    }

    @Test func aDamagedBackupIsFoundOutAndNotRestored() async throws {
        let scratch = ScratchDirectory()
        let node = try await TestNode("alpha", in: scratch)
        for number in 0..<40 { try await node.put("# \(number)\n\n\(String(repeating: "text ", count: 200))\n") }
        let file = scratch.file("backup.db")
        _ = try await node.facts("backup", file)
        var bytes = TestFile.bytes(file)
        let place = try #require(bytes.firstRange(of: Array("text text".utf8))).lowerBound
        bytes[place] = UInt8(ascii: "T")
        TestFile.write(bytes, to: file)
        let checked = try await node.run("backup", "--verify", file, "--json")
        #expect(checked.status == 6)
        let problems = try checked.json["problems"]?.array?.compactMap(\.string) ?? []
        #expect(problems.contains("hash_differs") && problems.count >= 2, "\(problems)")
        let config = scratch.file("other/federation.yaml")
        let refused = try await Program.run(["restore", file, "--config", config], in: scratch)
        #expect(refused.status == 6 && refused.err.contains("not as it was made"), "\(refused.err)")
        #expect(TestFile.names(in: scratch.file("other/data")).allSatisfy { $0 == "lock" })
        // A cut file as well.
        TestFile.write(Array(bytes.prefix(bytes.count / 2)), to: file)
        #expect(try await Program.run(["restore", file, "--config", config], in: scratch).status != 0)
        #expect(TestFile.names(in: scratch.file("other/data")).allSatisfy { $0 == "lock" })
    }

    @Test func whatAKilledRestoreLeftIsNoReasonToRefuse() async throws {
        let scratch = ScratchDirectory()
        let node = try await TestNode("alpha", in: scratch)
        try await node.put("# Note\n")
        let file = scratch.file("backup.db")
        #expect(try await node.facts("backup", file, "--with-key")["with_key"]?.bool == true)
        let (config, data) = (scratch.file("copy/federation.yaml"), scratch.file("copy/data"))
        for path in [scratch.file("copy"), data] { mkdir(path, 0o700) }
        let left = ["restore-4711.db", "signing-01KNJX4991ASW6NNKS9BQHNCGB.key.new-3qx2vazq1rltk"]
        for name in left { TestFile.write("half of it", to: "\(data)/\(name)") }
        let restore = ["restore", file, "--keep-identity", "--config", config]
        let planned = try await Program.run(restore + ["--dry-run", "--json"], in: scratch)
        #expect(try planned.status == 0 && planned.json["data"]?.string == data)
        // The place that the configuration in the backup names is looked at as well.
        TestFile.write("a note", to: "\(data)/note.md")
        #expect(try await Program.run(restore + ["--dry-run", "--json"], in: scratch).json.at("error", "code")?.string == "not_empty")
        unlink("\(data)/note.md")
        #expect(Set(TestFile.names(in: data)) == Set(left))
        let result = try await Program.run(restore, in: scratch)
        #expect(result.status == 0, "\(result.err)")
        #expect(TestFile.names(in: data).allSatisfy { !left.contains($0) })
    }

    /// With its key a backup is all that a node is; killed at any moment it leaves the old state or the new one.
    @Test func aRestoreThatIsKilledIsBegunAnew() async throws {
        let scratch = ScratchDirectory()
        let node = try await TestNode("alpha", in: scratch)
        for number in 0..<30 { try await node.put("# \(number)\n") }
        let file = scratch.file("backup.db")
        #expect(try await node.facts("backup", file, "--with-key")["with_key"]?.bool == true)
        let id = try await node.facts("identity", "show")["id"]?.string
        let config = scratch.file("copy/federation.yaml")
        var restored = false
        for round in 0..<8 where !restored {
            let process = try ChildProcess(
                Program.path, ["restore", file, "--keep-identity", "--config", config], output: scratch.file("out"),
                error: scratch.file("out"))
            try await Task.sleep(for: .milliseconds(Int64(3 * (1 << round) / 2)))
            process.signal(SIGKILL)
            _ = try await process.end()
            restored = access(scratch.file("copy/data/federation.db"), F_OK) == 0
            // What is there under its name is whole.
            if restored { break }
        }
        if !restored {
            let again = try await Program.run(["restore", file, "--keep-identity", "--config", config], in: scratch)
            #expect(again.status == 0, "\(again.err)")
        }
        #expect(TestFile.names(in: scratch.file("copy/data")).allSatisfy { !$0.hasPrefix("restore-") })
        let shown = try await Program.run(["identity", "show", "--json", "--config", config], in: scratch).json
        #expect(shown["id"]?.string == id && shown["stopped"]?.string == "behind", "\(shown.raw)")
        let audit = try await Program.run(["verify", "--self", "--json", "--config", config], in: scratch).json
        #expect(audit["ok"]?.bool == true && audit["events"]?.integer == 30)
        // No peer can have more of it: it may go on.
        #expect(try await Program.run(["identity", "recover", "--config", config], in: scratch).status == 0)
        #expect(try await Program.run(["put", "-", "--config", config], input: "# More\n", in: scratch).status == 0)
    }
}
