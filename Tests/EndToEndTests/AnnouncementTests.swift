import FederationCore
import FederationHTTP
import Testing

/// A node that somebody else has named: shown to a person, and asked only once the person wants it, where it may be asked.
@Suite(.serialized) struct AnnouncementTests {
    private func announce(_ node: TestNode, _ name: String, _ endpoint: String) async throws -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("jsonrpc", "2.0")
            writer.member("id", 1)
            writer.member("method", "tools/call")
            writer.key("params")
            writer.object { writer in
                writer.member("name", "announce_peer")
                writer.key("arguments")
                writer.object {
                    $0.member("name", name)
                    $0.member("endpoint", endpoint)
                }
            }
        }
        let client = CurlClient()
        defer { client.close() }
        let request = HTTPRequest(
            .post, "/mcp", fields: ["Content-Type": "application/json", "Accept": "application/json"], body: writer.bytes)
        let answer = try await client.perform(request, endpoint: node.endpoint).response
        return String(decoding: answer.body, as: UTF8.self)
    }

    @Test func aSuggestionIsShownAndAskedOnlyWhereItMayBe() async throws {
        let scratch = ScratchDirectory()
        let alpha = try await TestNode("alpha", in: scratch)
        let beta = try await TestNode("beta", in: scratch)
        let asked = try FakeNative()
        try await alpha.start()
        try await beta.start()
        #expect(try await announce(alpha, "beta", beta.endpoint + "/").contains("Noted"))
        let shown = try #require(try await alpha.status().at("announced", "0"))
        #expect(shown["name"]?.string == "beta" && shown["endpoint"]?.string == beta.endpoint)
        #expect(shown["by"]?.string == "127.0.0.1" && shown["refused_address"]?.string == "loopback")
        #expect(try await alpha.run("status").out.contains("suggested by others"))
        #expect(alpha.log.contains("a node was suggested"))

        // Nobody is to be sent to this machine by others …
        let preview = try await alpha.run("preview", "--announced", "beta", "--json")
        #expect(try preview.json["refused_address"]?.string == "loopback")
        let refused = try await alpha.run("add-peer", "beta", "--announced")
        #expect(refused.status == 4 && refused.err.contains("access.announced_allow"), "\(refused.err)")
        #expect(try await alpha.facts("peers")["peers"]?.array?.isEmpty == true)
        // … unless its owner says so.
        alpha.set("access", "{announced_allow: [127.0.0.0/8]}")
        let betaID = try await beta.identity()
        #expect(try await alpha.run("preview", "--announced", "beta").out.contains(betaID))
        let added = try await alpha.run("add-peer", "beta", "--announced")
        #expect(added.status == 0, "\(added.err)")
        let text = TestFile.text(alpha.configPath)
        #expect(text.contains("endpoint: \(beta.endpoint)") && text.contains("id: \(betaID)"))
        try await eventually("it is polled; log:\n\(alpha.log)") { (try await alpha.peerStatus("beta")?["last_success"] != nil).orNil }
        #expect(try await alpha.status()["announced"]?.array?.isEmpty == true, "a peer is no suggestion any more")
        let unknown = try await alpha.run("preview", "--announced", "nobody")
        #expect(unknown.status == 1 && unknown.err.contains("beta"))
        #expect(asked.paths.isEmpty)
        #expect(try await alpha.stop() == .exited(0))
        #expect(try await beta.stop() == .exited(0))
    }

    @Test func whatIsNoPlaceIsNotKeptAndNothingIsAskedByItself() async throws {
        let fake = try FakeNative()
        let alpha = try await TestNode("alpha", in: ScratchDirectory())
        alpha.set("access", "{announced_allow: [127.0.0.0/8]}")
        try await alpha.start()
        for endpoint in ["http://localhost:1", "http://0x7f.1", "http://metadata.google.internal", "http://u:p@beta.org", "http://beta.org/?x"] {
            #expect(try await announce(alpha, "beta", endpoint).contains("Noted"), "a stranger learns nothing of what is thought of it")
        }
        #expect(try await announce(alpha, "\u{1B}[31mred", "http://beta.org").contains("Noted"))
        #expect(try await alpha.status()["announced"]?.array?.isEmpty == true)
        #expect(try await announce(alpha, "fake", fake.endpoint).contains("Noted"))
        #expect(try await alpha.status().at("announced", "0", "name")?.string == "fake")
        // Some polls' time later nobody has asked it anything.
        try await alpha.put("# A note\n")
        _ = try await alpha.run("sync")
        #expect(fake.paths.isEmpty)
        #expect(try await alpha.run("preview", "--announced", "fake").status == 0)
        #expect(!fake.paths.isEmpty)
        #expect(try await alpha.stop() == .exited(0))
    }
}
