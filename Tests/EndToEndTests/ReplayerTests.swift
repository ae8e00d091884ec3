import FederationCore
import Glibc
import Testing

/// `replayer: exec`: programs in other languages, and what they may do wrong.
@Suite(.serialized) struct ReplayerTests {
    private static let examples = String(#filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()) + "/examples/replayers"

    private func node(_ lines: String..., quarantine: Int = 3) async throws -> TestNode {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        node.set("quarantine_after", String(quarantine))
        setReplayer(node, lines)
        return node
    }

    private func setReplayer(_ node: TestNode, _ lines: [String]) {
        let text = TestFile.text(node.configPath)
        let head = text.prefix(upTo: text.firstRange(of: "\nreplayers:").map(\.lowerBound) ?? text.endIndex)
        let entry = lines.isEmpty ? "" : "\nreplayers:\n  - name: it\n    replayer: exec\n" + lines.map { "    \($0)\n" }.joined()
        TestFile.write(head + entry, to: node.configPath)
    }

    private func replayer(_ node: TestNode) async throws -> JSON {
        guard let found = try await node.status().at("replayers", "0") else { throw Unfulfilled("no replayer in status") }
        return found
    }

    /// Processes whose parent this is.
    private func children(of pid: pid_t?) -> [pid_t] {
        TestFile.names(in: "/proc").compactMap { pid_t($0) }.filter { child in
            let fields = TestFile.text("/proc/\(child)/stat").split(separator: ")").last?.split(separator: " ") ?? []
            return fields.count > 1 && fields[0] != "Z" && pid_t(fields[1]) == pid
        }
    }

    /// There is no such process, or only what its parent has not asked for.
    private func isGone(_ pid: pid_t) -> Bool {
        let state = TestFile.text("/proc/\(pid)/stat").split(separator: ")").last?.split(separator: " ").first
        return state == nil || state == "Z" || state == "X"
    }

    private func query(_ sql: String, _ database: String, _ scratch: ScratchDirectory) async throws -> [String] {
        let program = "import sqlite3,sys\nfor r in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]): print(*r)"
        let result = try await Program.run(
            ["python3", "-c", program, database, sql], in: scratch, program: "/usr/bin/env")
        return result.status == 0 ? result.out.split(separator: "\n").map(String.init) : []
    }

    private func put(_ numbers: Range<Int>, _ node: TestNode) async throws {
        let files = numbers.map { number in
            let path = node.scratch.file("note-\(number).md")
            TestFile.write("# Note \(number)\n\n\"tab\"\t\\ 🎈\u{7}\n", to: path)
            return path
        }
        _ = try await Program.run(["put", "--config", node.configPath] + files, in: node.scratch)
    }

    // MARK: The examples

    @Test func theExampleInPythonHasEachEventOnceAcrossKillsOfEither() async throws {
        let node = try await node(
            "command: [python3, \(ReplayerTests.examples)/python/replayer.py, table.db]", "window: 4", quarantine: 50)
        try await node.start()
        for round in 0..<10 {
            async let writing: Void = put(round * 5..<round * 5 + 5, node)
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...250)))
            if round % 3 == 2 {
                try await node.stop(SIGKILL)
                try await writing
                try await node.start()
            } else {
                for child in children(of: node.pid) { kill(child, SIGKILL) }
                try await writing
            }
        }
        try await put(50..<53, node)
        let events = try await node.facts("events", "--limit", "1000")["events"]?.array ?? []
        #expect(events.count > 30)
        let database = node.directory + "/table.db"
        try await eventually("all events are in the table; the log:\n\(node.log)") {
            (try await query("SELECT id FROM given", database, node.scratch).count == events.count).orNil
        }
        let ids = events.compactMap { $0["id"]?.string }
        #expect(try await query("SELECT id FROM given ORDER BY seq", database, node.scratch) == ids.sorted { a, b in
            (events.first { $0["id"]?.string == a }?["seq"]?.integer ?? 0) < (events.first { $0["id"]?.string == b }?["seq"]?.integer ?? 0)
        })
        // The effect of each was made once.
        #expect(try await query("SELECT events FROM totals", database, node.scratch) == [String(events.count)])
        let titles = try await node.facts("records")["records"]?.array?.compactMap { $0["title"]?.string } ?? []
        #expect(try await query("SELECT title FROM records", database, node.scratch).sorted() == titles.sorted())
        try await eventually("the node knows it") {
            let replayer = try await replayer(node)
            return (replayer["behind"]?.integer == 0 && replayer["state"]?.string == "running" && replayer["parked"]?.integer == 0).orNil
        }
        // Everything once more changes nothing.
        #expect(try await node.run("replayer", "rewind", "it").status == 0)
        try await eventually("it has had everything again") {
            let replayer = try await replayer(node)
            return (replayer["behind"]?.integer == 0 && (replayer["settled"]?.integer ?? 0) >= events.count).orNil
        }
        #expect(try await query("SELECT events FROM totals", database, node.scratch) == [String(events.count)])
        #expect(try await node.stop() == .exited(0))
        #expect(!node.log.contains("\"tab"))
    }

    @Test func theExampleInShellHasEachEventAtLeastOnce() async throws {
        let node = try await node(
            "command: [sh, \(ReplayerTests.examples)/shell/replayer.sh, journal.txt]", "window: 1", quarantine: 50)
        try await node.start()
        for round in 0..<4 {
            async let writing: Void = put(round * 4..<round * 4 + 4, node)
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...200)))
            for child in children(of: node.pid) { kill(child, SIGKILL) }
            try await writing
        }
        let ids = Set(try await node.facts("events", "--limit", "1000")["events"]?.array?.compactMap { $0["id"]?.string } ?? [])
        #expect(ids.count == 16)
        let journal = node.directory + "/journal.txt"
        try await eventually("all events are in the journal; the log:\n\(node.log)") {
            let lines = TestFile.text(journal).split(separator: "\n").map { $0.split(separator: "\t") }
            return (Set(lines.compactMap { $0.count > 1 ? String($0[1]) : nil }) == ids).orNil
        }
        #expect(try await node.stop() == .exited(0))
    }

    // MARK: What goes wrong

    @Test(arguments: [
        ("[/no/such/program]", "spawn"), ("[sh, -c, 'exit 3']", "exited"), ("[sh, -c, 'kill -9 $$']", "killed"),
        ("[cat]", "malformed"), ("[yes]", "malformed"), ("[sh, -c, 'echo hello there; sleep 100']", "malformed"),
        ("[sh, -c, 'head -c 100000 /dev/zero; sleep 100']", "line_too_long"),
        ("[sh, -c, 'exec >&-; sleep 100']", "closed_output"),
        (#"[sh, -c, 'echo "{\"type\":\"hello\",\"protocol\":7}"; sleep 100']"#, "version"),
        (#"[sh, -c, 'echo "{\"type\":\"hello\",\"protocol\":1}"; exec sleep 100']"#, "stalled"),
        (#"[sh, -c, 'echo "{\"type\":\"hello\",\"protocol\":1}"; echo "{\"type\":\"ok\",\"seq\":99}"; sleep 100']"#, "not_given"),
    ])
    func aProgramThatDoesWrongIsNamedAndHarmsNobody(command: String, code: String) async throws {
        let node = try await node("command: \(command)", "timeout: 1s")
        try await node.start()
        try await node.put("# One\n")
        try await eventually("'\(code)' in status; the log:\n\(node.log)") {
            (try await replayer(node).at("last_failure", "code")?.string == code).orNil
        }
        try await eventually("it is degraded") { (try await node.status()["state"]?.string == "degraded").orNil }
        #expect(try await node.run("status").out.contains("last failure"))
        #expect(try await node.stop() == .exited(0))
        #expect(node.log.utf8.count < 200_000)
    }

    @Test func theProgramEndsWithTheNodeHoweverThatEnds() async throws {
        let node = try await node("command: [python3, \(ReplayerTests.examples)/python/replayer.py, table.db]")
        for signal in [SIGTERM, SIGKILL] {
            try await node.start()
            try await eventually("it runs") { (try await replayer(node)["state"]?.string == "running").orNil }
            let children = children(of: node.pid)
            #expect(children.count == 1)
            try await node.stop(signal)
            try await eventually("it has ended") { children.allSatisfy { isGone($0) }.orNil }
        }
        // One that does not heed the end of its input, with a child of its own.
        setReplayer(node, [#"command: [sh, -c, 'echo "{\"type\":\"hello\",\"protocol\":1}"; trap "" TERM; sleep 1000 & wait; sleep 1000']"#])
        try await node.start()
        try await eventually("it runs") { (try await replayer(node)["state"]?.string == "running").orNil }
        let child = try #require(children(of: node.pid).first)
        let grandchild = try await eventually("it has a child") { children(of: child).first }
        #expect(try await node.stop() == .exited(0))
        #expect(isGone(child))
        try await eventually("its child is gone") { isGone(grandchild).orNil }
    }

    @Test func aProgramIsGivenNothingOfTheNodesButWhatItIsToHave() async throws {
        let node = try await node(
            "command: [sh, -c, 'env >env.txt; ls /proc/self/fd >fds.txt; echo \"a \\\\e[31mline\" >&2; sleep 100']",
            "environment: [PATH, GIVEN]")
        try await node.start(environment: ["FEDERATION_KEY": "k-secret-0123456789abcdef", "GIVEN": "yes", "OTHER": "no"])
        try await eventually("it has begun") { TestFile.text(node.directory + "/fds.txt").hasSuffix("\n").orNil }
        let variables = TestFile.text(node.directory + "/env.txt").split(separator: "\n").map { String($0.prefix { $0 != "=" }) }
        #expect(Set(variables).subtracting(["PWD", "OLDPWD", "SHLVL", "_"]) == ["PATH", "GIVEN"])
        // Three, and the directory that ls reads.
        #expect(TestFile.text(node.directory + "/fds.txt").split(separator: "\n").count <= 4)
        try await eventually("its words are logged") { node.log.contains("replayer says").orNil }
        #expect(!node.log.contains("\u{1B}"))
        #expect(try await node.stop() == .exited(0))
    }

    // MARK: What a person does

    @Test func whatIsRefusedIsShownTriedAgainAndLetGo() async throws {
        // It refuses everything until there is a file that says otherwise.
        let script = """
            import json, os, sys
            def say(m):
                print(json.dumps(m), flush=True)
            say({"type": "hello", "protocol": 1, "name": "picky", "version": "1"})
            for line in sys.stdin:
                m = json.loads(line)
                if m["type"] != "event":
                    continue
                if os.path.exists("yes"):
                    say({"type": "ok", "seq": m["seq"]})
                else:
                    say({"type": "fail", "seq": m["seq"], "code": "refused", "reason": "not \\u001b[31m yet"})
            """
        let node = try await node("command: [python3, picky.py]")
        TestFile.write(script, to: node.directory + "/picky.py")
        try await node.start()
        let first = try await node.put("# One\n")
        let second = try await node.put("# Two\n")
        try await eventually("both are parked") { (try await replayer(node)["parked"]?.integer == 2).orNil }
        try await node.put("# One, again\n", "--id", first)
        let shown = try await node.facts("replayer", "show", "it")
        #expect(Set(shown["waiting"]?.array?.compactMap { $0["trace_id"]?.string } ?? []) == [first, second])
        #expect(shown.at("waiting", "0", "code")?.string == "refused")
        let text = try await node.run("replayer", "show", "it").out
        #expect(text.contains("refused") && text.contains("\\u{1B}") && !text.contains("\u{1B}"))
        #expect(try await node.run("status", "--check").status == 6)
        let event = try #require(shown["waiting"]?.array?.first { $0["trace_id"]?.string == second }?["event_id"]?.string)
        #expect(try await node.run("replayer", "skip", "it", event, "--dry-run").status == 0)
        #expect(try await replayer(node)["parked"]?.integer == 2)
        #expect(try await node.facts("replayer", "skip", "it", event)["count"]?.integer == 1)
        #expect(try await node.run("replayer", "skip", "it", event).status != 0)
        try await eventually("one is left") { (try await replayer(node)["parked"]?.integer == 1).orNil }
        TestFile.write("", to: node.directory + "/yes")
        // Also where no daemon runs.
        #expect(try await node.stop() == .exited(0))
        #expect(try await node.facts("replayer", "retry", "it")["count"]?.integer == 1)
        try await node.start()
        try await eventually("it has taken all; the log:\n\(node.log)") {
            let replayer = try await replayer(node)
            return (replayer["parked"]?.integer == 0 && replayer["settled"]?.integer == 2).orNil
        }
        #expect(try await node.run("replayer", "show", "other").err.contains("there are: it"))
        // A replayer that the configuration does not name any more ends.
        let program = try #require(children(of: node.pid).first)
        setReplayer(node, [])
        try await eventually("it has ended") { isGone(program).orNil }
        #expect(try await node.status()["replayers"] == nil)
        #expect(try await node.stop() == .exited(0))
    }
}
