import FederationCore
import FederationHTTP
import Glibc
import Synchronization
import Testing

@testable import Federation

/// The file that people send to whoever helps them.
@Suite(.serialized) struct SupportTests {
    private static let secretTitle = "Zwiebelfisch"
    private static let secretBody = "the-body-that-nobody-sees-4711"

    private func support(_ node: TestNode, _ options: String..., file: String = "support.json") async throws -> (text: String, json: JSON) {
        let path = node.scratch.file(file)
        unlink(path)
        let result = try await Program.run(
            ["support", "--output", path, "--config", node.configPath] + options, in: node.scratch,
            environment: ["FEDERATION_KEY": "the-key-in-the-environment-99"])
        #expect(result.status == 0 && result.out == path + "\n", "\(result)")
        var facts = stat()
        #expect(stat(path, &facts) == 0 && facts.st_mode & 0o777 == 0o600)
        let text = TestFile.text(path)
        return (text, try JSON(Array(text.utf8)))
    }

    /// A node with a peer that fails, a divergence of its own making in the quarantine, and a log.
    private func node() async throws -> TestNode {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        node.setPeer("away", "http://127.0.0.1:1")
        try await node.put("---\ntags: [Zwiebelmarke]\n---\n# \(SupportTests.secretTitle)\n\n\(SupportTests.secretBody)\n")
        return node
    }

    private func expectNothingOfPeople(_ text: String) {
        for word in [SupportTests.secretTitle, SupportTests.secretTitle.lowercased(), SupportTests.secretBody, "Zwiebelmarke", "the-key-in-the-environment-99"] {
            #expect(!text.contains(word), "\(word) is in it")
        }
    }

    @Test func besideARunningDaemonEachPartIsThere() async throws {
        let node = try await node()
        try await node.start()
        try await eventually("a poll has failed: \(node.log)") { node.log.contains("poll failed").orNil }
        let (text, json) = try await support(node)
        for section in SupportSection.allCases { #expect(json[section.rawValue]?["not_read"] == nil, "\(section): \(text)") }
        #expect(json.members?.map(\.key) == ["federation_support", "made_at", "contents"] + SupportSection.allCases.map(\.rawValue))
        #expect(json.at("program", "version")?.string == programVersion)
        #expect(json.at("program", "libraries")?.array?.contains { $0.string?.hasPrefix("libsqlite3") == true } == true)
        #expect(json.at("environment", "set")?.array?.contains { $0.string == "FEDERATION_KEY" } == true)
        #expect(json.at("database", "quick_check")?.string == "ok")
        #expect(json.at("database", "rows", "events")?.integer == 1)
        #expect(json.at("status", "peers", "0", "last_error")?.isNull == false || text.contains("network_refused"))
        #expect(json.at("metrics")?.array?.contains { $0.string?.hasPrefix("federation_peer_up") == true } == true)
        #expect(json.at("log", "daemon")?.array?.contains { $0.string?.contains("poll failed peer=away") == true } == true)
        let why = try #require(json.at("why", "0"))
        #expect(why["peer"]?.string == "away" && why["ok"]?.bool == false && why["reason"]?.string == "network_refused", "\(text)")
        #expect(why["consecutive_failures"]?.integer ?? 0 > 0 && why["failing_since"]?.string != nil)
        // There is no next one while one is under way.
        #expect(why["next_poll_in"] != nil || why["state"]?.string != "waiting", "\(text)")
        let mends = why["mends"]?.array?.compactMap { $0["command"]?.string ?? $0["line"]?.string } ?? []
        #expect(mends == ["federation run", "endpoint: http://HOST:PORT", "federation why away"])
        #expect(json.at("configuration", "settings")?.array?.contains { $0["key"]?.string == "name" && $0["value"]?.string == "alpha" } == true)
        expectNothingOfPeople(text)
        #expect(try await node.stop() == .exited(0))
    }

    @Test func withoutADaemonTheLogComesFromItsFile() async throws {
        let node = try await node()
        try await node.start()
        try await eventually("a poll has failed: \(node.log)") { node.log.contains("poll failed").orNil }
        #expect(try await node.stop() == .exited(0))
        let (text, json) = try await support(node, "--log", node.logPath)
        #expect(json.at("log", "file")?.array?.last?.string?.hasSuffix(" info stopped") == true)
        #expect(json.at("status", "events")?.integer == 1)
        #expect(json.at("why", "0", "last_reason")?.string == "network_refused" && json.at("why", "0", "running")?.bool == false)
        expectNothingOfPeople(text)
    }

    @Test func whatCannotBeReadIsNamedAndTheRestIsThere() async throws {
        let node = try await node()
        let database = node.directory + "/data/federation.db"
        for name in ["-wal", "-shm"] { unlink(database + name) }
        TestFile.write("this is no database, but there is something\n" + String(repeating: "x", count: 8192), to: database)
        let (text, json) = try await support(node)
        #expect(json.at("database", "header", "is_sqlite")?.bool == false)
        #expect(json.at("database", "not_read", "error", "code")?.string == "store", "\(text)")
        #expect(json.at("status", "not_read", "error", "code")?.string == "store")
        #expect(json.at("check", "ok")?.bool == false)
        #expect(json.at("files", "entries")?.array?.contains { $0["name"]?.string == "federation.db" } == true)

        // A configuration that is none: what it says, a key in the wrong place perhaps, is nowhere.
        TestFile.write("name: alpha\nhunter2-is-my-password: 'swordfish-in-the-wrong-place'\nmode: tell-nobody\n", to: node.configPath)
        let (broken, problems) = try await support(node)
        #expect(problems.at("configuration", "problems")?.array?.count == 2, "\(broken)")
        for word in ["hunter2", "swordfish", "tell-nobody"] { #expect(!broken.contains(word)) }

        let nothing = try await Program.run(
            ["support", "--output", "-", "--config", node.scratch.file("none.yaml")], in: node.scratch)
        #expect(nothing.status == 0)
        #expect(try nothing.json.at("program", "version")?.string == programVersion)
    }

    @Test func namesCanBeHidden() async throws {
        let node = try await TestNode("annas-laptop", in: ScratchDirectory())
        node.setPeers([("the-office", ["endpoint: http://office.example.org:4001", "mode: paused"])])
        let (text, json) = try await support(node, "--hide-names")
        for word in ["annas-laptop", "the-office", "office.example.org"] { #expect(!text.contains(word), "\(word)") }
        #expect(json.at("status", "peers", "0", "name")?.string == "peer-1", "\(text)")
        #expect(json.at("why", "0", "code")?.string == "paused")
        #expect(json.at("why", "0", "mends", "0", "command")?.string == "federation resume-peer peer-1")
    }

    /// What it says of peers is what is known: nobody is asked, and what is held of a peer's is told without a word of it.
    @Test func noPeerIsAsked() async throws {
        let asked = Mutex(0)
        let noema = try FakeNoema(events: [FakeEvent.create(1, action: "levitate", title: SupportTests.secretTitle)])
        let silent = try FakePeer { _ in
            asked.withLock { $0 += 1 }
            return HTTPResponse(status: 503)
        }
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let odd = ("odd", ["endpoint: \(noema.endpoint)", "wire: noema"])
        node.setPeers([odd])
        _ = try await node.run("sync")
        node.setPeers([odd, ("silent", ["endpoint: \(silent.endpoint)"])])
        let (text, json) = try await support(node)
        #expect(asked.withLock { $0 } == 0)
        #expect(json.at("why", "0", "code")?.string == "unknown_action" && json.at("why", "0", "failed")?.string == "replay", "\(text)")
        #expect(json.at("why", "0", "mends", "0", "kind")?.string == "upgrade")
        #expect(json.at("why", "0", "facts", "held")?.integer == 1 && json.at("why", "0", "facts", "trace_id") == nil)
        #expect(json.at("why", "1", "ok")?.bool == true && json.at("why", "1", "last_success") == nil)
        expectNothingOfPeople(text)
    }

    /// The case that it is there for: the daemon runs on by the last good text.
    @Test func besideAWrongConfigurationNothingOfItIsShownAndNamesStayHidden() async throws {
        let node = try await TestNode("annas-laptop", in: ScratchDirectory())
        node.setPeers([("the-office", ["endpoint: http://office.example.org:4001", "mode: paused"])])
        try await node.start()
        let good = TestFile.text(node.configPath)
        TestFile.write(good + "\nhunter2-it's-a-key: swordfish\n", to: node.configPath)
        try await eventually("it was read: \(node.log)") { node.log.contains("configuration problem").orNil }
        let (text, json) = try await support(node, "--hide-names")
        #expect(json.at("log", "daemon")?.array?.contains { $0.string?.contains("configuration problem") == true } == true, "\(text)")
        for word in ["annas-laptop", "the-office", "office.example.org", "hunter2", "s-a-key", "swordfish"] {
            #expect(!text.contains(word), "\(word)")
        }
        TestFile.write(good, to: node.configPath)
        #expect(try await node.stop() == .exited(0))
    }

    @Test func aDaemonThatHangsIsNotWaitedFor() async throws {
        let node = try await node()
        try await node.start()
        let pid = try #require(node.pid)
        kill(pid, SIGSTOP)
        let begin = ContinuousClock.now
        let (text, json) = try await support(node)
        kill(pid, SIGCONT)
        #expect(ContinuousClock.now - begin < .seconds(60))
        #expect(json.at("status", "not_read", "error", "code")?.string == "unreachable_daemon", "\(text)")
        #expect(json.at("database", "quick_check")?.string == "ok" && json.at("configuration", "settings") != nil)
        expectNothingOfPeople(text)
        #expect(try await node.stop() == .exited(0))
    }

    @Test func aDryRunListsWhatWouldBeInItAndWritesNothing() async throws {
        let node = try await node()
        let before = TestFile.names(in: node.scratch.path).sorted()
        let listed = try await node.run("support", "--dry-run", "--output", node.scratch.file("not-made.json"))
        #expect(listed.status == 0)
        for section in SupportSection.allCases { #expect(listed.out.contains(section.rawValue) && listed.out.contains(section.holds)) }
        #expect(TestFile.names(in: node.scratch.path).sorted() == before)
        let document = TestFile.text(#filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/docs/cli.md")
        for section in SupportSection.allCases { #expect(document.contains("\n| \(section.rawValue) | \(section.holds) |\n")) }
        #expect(try await node.facts("support", "--dry-run")["sections"]?.array?.count == SupportSection.allCases.count)
        let twice = node.scratch.file("twice.json")
        #expect(try await node.run("support", "--output", twice).status == 0)
        let second = try await node.run("support", "--output", twice)
        #expect(second.status == 1 && second.err.contains("--output"), "\(second)")
    }
}
