import FederationCore
import FederationHTTP
import FederationTestKit
import Glibc
import Testing

/// Keys: who is answered, and that they are seen nowhere.
@Suite(.serialized) struct AccessTests {
    private func writeKey(_ text: String, to path: String, mode: mode_t = 0o600) {
        TestFile.write(text, to: path)
        chmod(path, mode)
    }

    private func pair(keys: [String]) async throws -> (alpha: TestNode, beta: TestNode) {
        let scratch = ScratchDirectory()
        let nodes = [try await TestNode("alpha", in: scratch), try await TestNode("beta", in: scratch)]
        for (node, key) in zip(nodes, keys) {
            node.set("access", "{shared_key_file: ring.key}")
            writeKey(key + "\n", to: node.directory + "/ring.key")
        }
        nodes[0].setPeer("beta", nodes[1].endpoint)
        nodes[1].setPeer("alpha", nodes[0].endpoint)
        return (nodes[0], nodes[1])
    }

    private func ask(_ node: TestNode, _ target: String, key: String?) async throws -> HTTPResponse {
        var request = HTTPRequest(target == "/mcp" ? .post : .get, target)
        if let key { request.fields["Authorization"] = key }
        let client = CurlClient()
        defer { client.close() }
        return try await client.perform(request, endpoint: node.endpoint).response
    }

    private func reason(_ node: TestNode, of peer: String) async throws -> String? {
        try await node.peerStatus(peer)?.at("last_error", "reason")?.string
    }

    @Test func aKeyedRingAnswersThoseWithTheKey() async throws {
        let (alpha, beta) = try await pair(keys: ["a-key-of-the-ring-000", "a-key-of-the-ring-000"])
        try await alpha.start()
        try await beta.start()
        let note = try await alpha.put("# Behind a key\n")
        try await eventually("the note on beta; log:\n\(beta.log)") { (try await beta.run("show", note).status == 0).orNil }
        for target in ["/mcp", "/federation/v1/identity", "/federation/v1/events"] {
            for key in [nil, "Bearer wrong", "a-key-of-the-ring-000", "Bearer a-key-of-the-ring-000 "] as [String?] where key?.hasSuffix(" ") != true {
                let answer = try await ask(alpha, target, key: key)
                #expect(answer.status == 401)
                #expect(answer.fields["Content-Type"] == "application/json")
                #expect(answer.fields["WWW-Authenticate"] == nil)
                // Noema section 2.4, word for word.
                #expect(
                    String(decoding: answer.body, as: UTF8.self)
                        == "{\"error\":\"unauthorized: NOEMA_MCP_KEY / access.shared_key_file required\"}")
            }
        }
        #expect(try await ask(alpha, "/federation/v1/identity", key: "Bearer a-key-of-the-ring-000").status == 200)
        let status = try await alpha.status()
        #expect(status["ring_key"]?.string == "file")
        #expect((status.at("refused_requests", "key")?.integer ?? 0) >= 9)
        let text = try await alpha.run("status")
        #expect(text.out.contains("without the right key"))

        // Seen nowhere: not in a log, a status, an error, a command line or the database's words.
        let shown = try await alpha.run("key", "fingerprint")
        #expect(shown.out.contains("ring key"))
        #expect(try await alpha.stop() == .exited(0))
        #expect(try await beta.stop() == .exited(0))
        let everything = [alpha.log, beta.log, text.out, text.err, shown.out, String(decoding: status.raw, as: UTF8.self)]
        for text in everything { #expect(!text.contains("a-key-of-the-ring")) }
    }

    @Test func aWrongKeyIsAReasonAndAnExchangedFileIsTakenIn() async throws {
        let (alpha, beta) = try await pair(keys: ["the-key-of-the-ring", "another-key-entirely"])
        try await alpha.start()
        try await beta.start()
        try await eventually("beta is refused; log:\n\(beta.log)") { (try await reason(beta, of: "alpha") == "auth").orNil }
        let note = try await alpha.put("# Not yet\n")
        #expect(try await beta.run("show", note).status == 1)
        writeKey("the-key-of-the-ring\n", to: beta.directory + "/ring.key")
        try await eventually("the new key is read; log:\n\(beta.log)") {
            _ = try await beta.run("sync")
            return (try await beta.run("show", note).status == 0).orNil
        }
        #expect(beta.log.contains("keys and certificates were read again"))
        #expect(try await alpha.stop() == .exited(0))
        #expect(try await beta.stop() == .exited(0))
    }

    @Test func eachPeerMayHaveAKeyOfItsOwnAndLoseIt() async throws {
        let scratch = ScratchDirectory()
        let alpha = try await TestNode("alpha", in: scratch)
        let beta = try await TestNode("beta", in: scratch)
        let gamma = try await TestNode("gamma", in: scratch)
        alpha.setPeers([
            ("beta", ["endpoint: \(beta.endpoint)", "key_file: beta.key"]),
            ("gamma", ["endpoint: \(gamma.endpoint)", "key_file: gamma.key"]),
        ])
        // Two keys at alpha: the rotation is under way, and beta has only the old one.
        writeKey("new-key-of-beta\nold-key-of-beta\n", to: alpha.directory + "/beta.key")
        writeKey("key-of-gamma\n", to: alpha.directory + "/gamma.key")
        beta.setPeer("alpha", alpha.endpoint, "key_file: alpha.key")
        writeKey("old-key-of-beta\nnew-key-of-beta\n", to: beta.directory + "/alpha.key")
        gamma.setPeer("alpha", alpha.endpoint, "key_file: alpha.key")
        writeKey("key-of-gamma\n", to: gamma.directory + "/alpha.key")
        for node in [alpha, beta, gamma] { try await node.start() }
        let note = try await alpha.put("# For both\n")
        for node in [beta, gamma] {
            try await eventually("\(node.name) has it; log:\n\(node.log)") { (try await node.run("show", note).status == 0).orNil }
        }
        // One is shown the door; the other notices nothing.
        writeKey("another-key-now\n", to: alpha.directory + "/gamma.key")
        _ = try await alpha.run("reload")
        try await eventually("gamma is refused; alpha's log:\n\(alpha.log)\ngamma's log:\n\(gamma.log)") {
            (try await reason(gamma, of: "alpha") == "auth").orNil
        }
        let second = try await alpha.put("# For beta\n")
        try await eventually("beta has it") { (try await beta.run("show", second).status == 0).orNil }
        #expect(try await gamma.run("show", second).status == 1)
        for node in [alpha, beta, gamma] { #expect(try await node.stop() == .exited(0)) }
    }

    @Test func aNodeThatWouldBeOpenDoesNotStart() async throws {
        let scratch = ScratchDirectory()
        let node = try await TestNode("alpha", in: scratch)
        let refused: [(String, String)] = [
            ("access: {shared_key_file: none.key}", "none.key cannot be used: there is no such file"),
            ("access: {shared_key_file: wide.key}", "chmod 600"),
            ("access: {shared_key_file: empty.key}", "it holds no key"),
            ("tls: {listen: '0.0.0.0:0', certificate: c, key: k}\nhosts: [alpha.lan]", "whoever comes is answered"),
        ]
        writeKey("wide-key\n", to: node.directory + "/wide.key", mode: 0o644)
        writeKey("\n", to: node.directory + "/empty.key")
        let text = TestFile.text(node.configPath)
        for (lines, words) in refused {
            TestFile.write(lines + "\n" + text, to: node.configPath)
            let run = try await node.run("run")
            #expect(run.status == 3)
            #expect(run.err.contains(words), "\(run.err)")
            let check = try await node.run("check")
            #expect(check.status == 3, "\(check.out) \(check.err)")
        }
        let made = try await Program.run(["init", scratch.file("open"), "--name", "open", "--listen", "192.0.2.1:4001"], in: scratch)
        #expect(made.status == 3)
        #expect(made.err.contains("allow_open"))
        #expect(!TestFile.exists(scratch.file("open")))
    }

    @Test func aNewKeyFileIsForItsOwnerAlone() async throws {
        let scratch = ScratchDirectory()
        let path = scratch.file("ring.key")
        let made = try await Program.run(["key", "new", path, "--json"], in: scratch)
        #expect(made.status == 0, "\(made.err)")
        #expect(try made.json["fingerprint"]?.string?.hasPrefix("SHA256:") == true)
        #expect(!made.out.contains(TestFile.text(path).dropLast()))
        var facts = stat()
        #expect(stat(path, &facts) == 0 && facts.st_mode & 0o777 == 0o600)
        let again = try await Program.run(["key", "new", path], in: scratch)
        #expect(again.status == 3)
        #expect(again.err.contains("exists"))
    }

    @Test func requestsProveWhoSendsThemAndAFalseProofIsCounted() async throws {
        let scratch = ScratchDirectory()
        let alpha = try await TestNode("alpha", in: scratch)
        let beta = try await TestNode("beta", in: scratch)
        alpha.setPeer("beta", beta.endpoint)
        beta.setPeer("alpha", alpha.endpoint)
        try await alpha.start()
        try await beta.start()
        // Many polls from either side, from the second request on each with its proof, and every one of them holds.
        for index in 1...5 {
            let note = try await alpha.put("# Note \(index)\n")
            try await eventually("it comes") { (try await beta.run("show", note).status == 0).orNil }
        }
        #expect(try await alpha.status().at("refused_requests") == nil)
        #expect(try await beta.status().at("refused_requests") == nil)
        let id = try #require(try await beta.facts("identity", "show")["id"]?.string)
        let own = try #require(try await alpha.facts("identity", "show")["id"]?.string)
        var request = HTTPRequest(.get, "/federation/v1/events?limit=1", fields: ["Federation-Node": id])
        request.fields["Federation-Proof"] = "\(time(nil)) \(own) ed25519:" + String(repeating: "A", count: 86) + "=="
        let client = CurlClient()
        let answer = try await client.perform(request, endpoint: alpha.endpoint).response
        client.close()
        #expect(answer.status == 200)
        #expect(try await alpha.status().at("refused_requests", "proof")?.integer == 1)
        #expect(try await alpha.stop() == .exited(0))
        #expect(try await beta.stop() == .exited(0))
    }
}
