import FederationCore
import FederationHTTP
import Glibc
import Synchronization
import Testing

/// `test-peer`: an address that is not configured.
@Suite(.serialized) struct TestPeerTests {
    private func test(_ endpoint: String, from node: TestNode, _ more: String...) async throws -> (facts: JSON, status: Int32) {
        let result = try await Program.run(["test-peer", endpoint, "--json", "--config", node.configPath] + more, in: node.scratch)
        return (try result.json, result.status)
    }

    @Test func aStrangerIsShownWithTheLinesThatAddIt() async throws {
        let scratch = ScratchDirectory()
        let (alpha, beta) = (try await TestNode("alpha", in: scratch), try await TestNode("beta", in: scratch))
        for number in 1...3 { try await beta.put("# Note \(number)\n") }
        try await beta.start()
        for isRunning in [false, true] {
            if isRunning { try await alpha.start() }
            let (facts, status) = try await test(beta.endpoint, from: alpha)
            #expect(status == 0 && facts["ok"]?.bool == true && facts["last_good"]?.string == "commit")
            #expect(facts["wires"]?.array?.compactMap(\.string) == ["native", "noema"])
            #expect(facts.at("log", "events")?.integer == 3 && facts.at("sample", "applied")?.integer == 3)
            #expect(facts["key"]?.string == "new" && facts["ourselves"]?.bool == false)
            #expect(abs(facts["clock_drift_seconds"]?.integer ?? 99) <= 2)
            #expect(try await alpha.status()["events"]?.integer == 0)
        }
        let text = try await alpha.run("test-peer", beta.endpoint).out
        #expect(text.contains("federation add-peer beta \(beta.endpoint) --id ") && text.contains("  - name: beta\n"), "\(text)")
        // The command, and the lines, do what they say.
        let (facts, _) = try await test(beta.endpoint, from: alpha)
        let command = try #require(facts.at("add", "command")?.string).split(separator: " ").dropFirst().map { String($0) }
        #expect(try await Program.run(command + ["--config", alpha.configPath], in: scratch).status == 0)
        try await eventually("the notes") { try await alpha.events().count == 3 ? true : nil }
        #expect(try await test(beta.endpoint, from: alpha).facts["configured_as"]?.array?.first?.string == "beta")
        try await alpha.stop()
        let yaml = try #require(facts.at("add", "yaml")?.string)
        alpha.setPeers([])
        TestFile.write(TestFile.text(alpha.configPath).replacing("peers: []\n", with: "peers:\n" + yaml), to: alpha.configPath)
        #expect(try await alpha.run("sync").status == 0)
        #expect(try await test(alpha.endpoint, from: alpha).facts["code"]?.string == "refused")
        try await beta.stop()
    }

    @Test func whatAnswersMayBeAnything() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        try await node.start()
        let own = try await test(node.endpoint, from: node)
        #expect(own.status == 5 && own.facts["code"]?.string == "ourselves" && own.facts["add"] == nil)
        #expect(try await test("http://no-such-host.invalid", from: node).facts["failed"]?.string == "dns")
        let web = try FakePeer.answering(status: 404)
        #expect(try await test(web.endpoint, from: node).facts["code"]?.string == "no_node")
        await web.stop()
        let noema = try FakeNoema(events: [FakeEvent.create(1)])
        let found = try await test(noema.endpoint, from: node)
        #expect(found.status == 0 && found.facts["wires"]?.array?.compactMap(\.string) == ["noema"])
        #expect(found.facts["log"] == nil, "it does not say how much it has")
        #expect(try await node.run("test-peer", "ftp://x").status == 3)
        #expect(try await node.run("test-peer", "http://x", "--wire", "mesh").status == 2)
        try await node.stop()
    }

    /// Whoever has the ring's key opens every node of the ring.
    @Test func aStrangerIsShownNoKey() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        node.set("access", "{shared_key_file: ring.key}")
        TestFile.write("a-key-of-the-ring-000\n", to: node.directory + "/ring.key")
        chmod(node.directory + "/ring.key", 0o600)
        let heard = Mutex<[String]>([])
        let peer = try FakePeer { request in
            let key = request.fields["Authorization"]
            heard.withLock { $0.append(key ?? "none") }
            return HTTPResponse(status: key == "Bearer a-key-of-the-ring-000" ? 404 : 401)
        }
        func keys(_ command: String...) async throws -> (Set<String>, JSON) {
            heard.withLock { $0 = [] }
            let result = try await Program.run(command + ["--json", "--config", node.configPath], in: node.scratch)
            return (Set(heard.withLock { $0 }), try result.json)
        }
        for command in ["test-peer", "preview"] {
            let (quiet, withheld) = try await keys(command, peer.endpoint)
            #expect(quiet == ["none"] && withheld["key_withheld"]?.bool == true, "\(command)")
            let (shown, facts) = try await keys(command, peer.endpoint, "--with-key")
            #expect(shown == ["Bearer a-key-of-the-ring-000"] && facts["key_withheld"] == nil, "\(command)")
        }
        let facts = try await keys("test-peer", peer.endpoint).1
        #expect(facts["code"]?.string == "key_refused")
        #expect(facts.at("mends", "0", "command")?.string == "federation test-peer \(peer.endpoint) --with-key")
        #expect(facts.at("mends", "0", "if_confirmed")?.bool == true)
        #expect(try await node.run("test-peer", peer.endpoint).out.contains("none was shown"))
        #expect(try await node.run("preview", peer.endpoint).err.contains("--with-key"))
        // One that is configured is shown what it is shown in a poll.
        node.setPeer("beta", peer.endpoint)
        #expect(try await keys("test-peer", peer.endpoint).0 == ["Bearer a-key-of-the-ring-000"])
        await peer.stop()
    }

    /// Where there is no node yet.
    @Test func aNewNodeWouldSeeTheSame() async throws {
        let scratch = ScratchDirectory()
        let beta = try await TestNode("beta", in: scratch)
        try await beta.put("# Note\n")
        try await beta.start()
        let result = try await Program.run(
            ["test-peer", beta.endpoint, "--json", "--config", scratch.file("none/federation.yaml")], in: scratch)
        #expect(result.status == 0)
        #expect(try result.json["has_node"]?.bool == false && result.json.at("sample", "applied")?.integer == 1)
        try await beta.stop()
    }
}
