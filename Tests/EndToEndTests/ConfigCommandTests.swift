import FederationCore
import Glibc
import Testing

/// The commands that change a configuration, where no daemon runs: what they say, print and write.
@Suite(.serialized) struct ConfigCommandTests {
    private func node() async throws -> TestNode {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        node.setPeers([
            ("beta", ["endpoint: http://127.0.0.1:1  # at home"]), ("gamma", ["endpoint: http://127.0.0.1:2", "mode: subscribe"]),
        ])
        return node
    }

    @Test func eachCommandChangesItsLinesAndSaysSo() async throws {
        let node = try await node()
        let cases: [(arguments: [String], said: String, line: String, present: Bool)] = [
            (["pause-peer", "beta"], "peer beta: sync -> paused\n", "    mode: paused\n", true),
            (["pause-peer", "beta"], "peer beta: already paused\n", "    mode: paused\n", true),
            (["resume-peer", "beta"], "peer beta: paused -> sync\n", "    mode: paused\n", false),
            (["pause-peer", "gamma"], "peer gamma: subscribe -> paused (subscribe once it is resumed)\n", "    paused: true\n", true),
            (["set-mode", "publish", "--peer", "gamma"], "peer gamma: paused -> paused (publish once it is resumed)\n", "    mode: publish\n", true),
            (["resume-peer", "gamma"], "peer gamma: paused -> publish\n", "    paused: true\n", false),
            (["set-mode", "subscribe"], "mode: sync -> subscribe\n", "\nmode: subscribe\n", true),
            (["set-mode", "subscribe"], "mode: already subscribe\n", "\nmode: subscribe\n", true),
            (["identity", "rename", "omega"], "name: alpha -> omega\n", "\nname: omega\n", true),
            (["remove-peer", "gamma"],
                "removed peer gamma from \(node.configPath)\nits pin and its cursor stay: 'federation remove-peer gamma --forget' removes them\n",
                "gamma", false),
        ]
        for (arguments, said, line, present) in cases {
            let before = TestFile.text(node.configPath)
            let dry = try await Program.run(arguments + ["--dry-run", "--config", node.configPath], in: node.scratch)
            #expect(dry.status == 0 && TestFile.text(node.configPath) == before, "\(arguments): \(dry.err)")
            #expect(said.contains("already") || dry.out.contains("@@ -"), "\(arguments): \(dry.out)")
            let result = try await Program.run(arguments + ["--config", node.configPath], in: node.scratch)
            #expect(result.status == 0 && result.out == said, "\(arguments): \(result.out)\(result.err)")
            #expect(said.contains("already") || result.err == "no daemon runs: it counts from the next 'federation run'\n")
            let after = TestFile.text(node.configPath)
            #expect(after.contains(line) == present, "\(arguments): \(after)")
            #expect(after.contains("# at home"))
        }
        #expect(try await node.run("check").status == 0)
    }

    @Test func theFactsOfAChangeAreJSON() async throws {
        let node = try await node()
        let dry = try await node.facts("pause-peer", "beta", "--dry-run")
        #expect(dry["dry_run"]?.bool == true && dry["daemon"] == nil)
        #expect(dry["lines_added"]?.integer == 1 && dry["lines_removed"]?.integer == 0)
        #expect(dry["diff"]?.array?.contains { $0.string == "+    mode: paused" } == true)
        let done = try await node.facts("pause-peer", "beta")
        #expect(done["changed"]?.bool == true && done["daemon"]?.string == "none")
        #expect([done["from"]?.string, done["to"]?.string] == ["sync", "paused"])
        #expect(try await node.facts("pause-peer", "beta")["changed"]?.bool == false)
        #expect(try await node.facts("peers").at("peers", "0", "mode")?.string == "paused")
        let added = try await node.facts("add-peer", "delta", "http://127.0.0.1:3")
        #expect(added["changed"]?.bool == true && added["lines_added"]?.integer == 2)
    }

    @Test func whatCannotBeDoneIsRefusedAndNothingIsWritten() async throws {
        let node = try await node()
        let before = TestFile.text(node.configPath)
        func refusal(_ arguments: String...) async throws -> (Int32, String?) {
            let result = try await Program.run(arguments + ["--json", "--config", node.configPath], in: node.scratch)
            return (result.status, (try? result.json)?.at("error", "code")?.string)
        }
        #expect(try await refusal("remove-peer", "delta") == (1, "unknown_peer"))
        #expect(try await refusal("remove-peer", "delta", "--forget") == (1, "unknown_peer"))
        #expect(try await refusal("pause-peer", "delta") == (1, "unknown_peer"))
        #expect(try await refusal("resume-peer", "delta") == (1, "unknown_peer"))
        #expect(try await refusal("set-mode", "sync", "--peer", "delta") == (1, "unknown_peer"))
        #expect(try await refusal("identity", "rename", "beta") == (3, "config_problems"))
        #expect(try await refusal("identity", "rename", "a b") == (3, "config_problems"))
        #expect(try await refusal("set-mode", "broadcast").0 == 2)
        #expect(try await node.run("set-mode", "paused").err.contains("pause-peer"))
        #expect(try await refusal("reload") == (1, "no_daemon"))
        #expect(TestFile.text(node.configPath) == before)
        let odd = "name: alpha\npeers: [{name: beta, endpoint: \"http://b\"},  # at home\n {name: delta, endpoint: \"http://d\"}]\n"
        TestFile.write(odd, to: node.configPath)
        #expect(try await refusal("remove-peer", "beta") == (3, "config_edit"))
        #expect(TestFile.text(node.configPath) == odd)
    }

    @Test func theFileKeepsItsModeAndALinkStaysOne() async throws {
        let node = try await node()
        let real = node.scratch.file("real.yaml")
        #expect(rename(node.configPath, real) == 0 && symlink(real, node.configPath) == 0 && chmod(real, 0o640) == 0)
        #expect(try await node.run("pause-peer", "beta").status == 0)
        var status = stat()
        #expect(lstat(node.configPath, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
        #expect(stat(real, &status) == 0 && status.st_mode & 0o7777 == 0o640)
        #expect(TestFile.text(real).contains("mode: paused"))
    }

    @Test func manyAtOnceLoseNothing() async throws {
        let node = try await node()
        let names = (0..<8).map { "peer\($0)" }
        let ends = await withTaskGroup(of: Int32.self) { group in
            for (index, name) in names.enumerated() {
                group.addTask { (try? await node.run("add-peer", name, "http://127.0.0.1:\(100 + index)"))?.status ?? -1 }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(ends == Array(repeating: 0, count: 8))
        let peers = try await node.facts("peers")["peers"]?.array?.compactMap { $0["name"]?.string } ?? []
        #expect(Set(peers) == Set(names + ["beta", "gamma"]))
    }

    @Test func theKeyIsShownAndMadeOnlyWhereNothingHangsOnIt() async throws {
        let node = try await node()
        let file = node.directory + "/data/signing.key"
        let shown = try await node.facts("key", "fingerprint")
        #expect(shown["fingerprint"]?.string?.wholeMatch(of: /SHA256(:[0-9a-f]{2}){32}/) != nil)
        #expect(try await node.facts("identity", "show")["public_key"]?.string == shown["public_key"]?.string)
        #expect(try await node.run("key", "fingerprint").out.contains(shown["fingerprint"]?.string ?? "?"))

        func code(_ result: CommandResult) -> String? { (try? result.json)?.at("error", "code")?.string }
        #expect(code(try await node.run("keygen", "--json")) == "key_exists")
        let forced = try await node.facts("keygen", "--force")
        #expect(forced["public_key"]?.string != shown["public_key"]?.string)
        #expect(unlink(file) == 0)
        #expect(try await node.run("status").status == 5)
        #expect(try await node.run("keygen").status == 0)
        let id = try await node.put("# Signed\n")
        #expect(code(try await node.run("keygen", "--json")) == "key_exists")

        // A key that is lost after it has signed: another node goes on with what this one wrote.
        let before = try await node.facts("identity", "show")["id"]?.string
        #expect(unlink(file) == 0)
        let lost = try await node.run("keygen", "--force", "--json")
        #expect(code(lost) == "key_used")
        let renewed = try await node.facts("identity", "new", "--yes")
        #expect(renewed["was"]?.string == before)
        #expect(try await node.facts("key", "fingerprint")["public_key"]?.string == renewed["public_key"]?.string)
        #expect(try await node.facts("show", id)["title"]?.string == "Signed")
        try await node.put("# By the new one\n")
        try await node.start()
        #expect(code(try await node.run("keygen", "--force", "--json")) == "locked")
        #expect(try await node.stop() == .exited(0))
    }
}
