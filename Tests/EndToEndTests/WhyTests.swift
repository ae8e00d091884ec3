import FederationCore
import FederationHTTP
import FederationTestKit
import Glibc
import HostileKit
import Testing

/// `why PEER`: each step is made to fail on a real socket, is the one that is named, and is mended as it says.
@Suite(.serialized) struct WhyTests {
    private func why(_ node: TestNode, _ peer: String = "beta") async throws -> (facts: JSON, status: Int32) {
        let result = try await node.run("why", peer, "--json")
        return (try result.json, result.status)
    }

    /// The first step that does not go well, and its code.
    private func fault(_ node: TestNode, _ peer: String = "beta") async throws -> String {
        let facts = try await why(node, peer).facts
        return facts["ok"]?.bool == true ? "ok" : "\(facts["failed"]?.string ?? "?")/\(facts["code"]?.string ?? "?")"
    }

    private func mend(_ node: TestNode, _ peer: String = "beta", at place: Int = 0) async throws -> JSON {
        try #require(try await why(node, peer).facts.at("mends", "\(place)"))
    }

    /// Gives the command that is said to mend it.
    private func giveMend(_ node: TestNode, _ peer: String = "beta", at place: Int = 0, _ more: String...) async throws {
        let mend = try await mend(node, peer, at: place)
        #expect(mend["kind"]?.string == "command")
        let words = (mend["command"]?.string ?? "").split(separator: " ").dropFirst().map { String($0) }
        let result = try await Program.run(words + more + ["--config", node.configPath], in: node.scratch)
        #expect(result.status == 0, "\(words): \(result.err)")
    }

    private func nodes() async throws -> (alpha: TestNode, beta: TestNode) {
        let scratch = ScratchDirectory()
        let (alpha, beta) = (try await TestNode("alpha", in: scratch), try await TestNode("beta", in: scratch))
        alpha.setPeer("beta", beta.endpoint)
        try await beta.put("# Of beta\n")
        return (alpha, beta)
    }

    private func write(_ bytes: [UInt8], _ node: TestNode, _ name: String) {
        TestFile.write(bytes, to: node.directory + "/" + name)
        chmod(node.directory + "/" + name, 0o600)
    }

    @Test func aGoodPollChangesNothingWithOrWithoutADaemon() async throws {
        let (alpha, beta) = try await nodes()
        try await beta.start()
        let (facts, status) = try await why(alpha)
        #expect(status == 0 && facts["ok"]?.bool == true && facts["last_good"]?.string == "commit")
        #expect(facts.at("page", "events")?.integer == 1 && facts.at("page", "applied")?.integer == 1)
        #expect(facts.at("identity", "name")?.string == "beta" && facts["running"]?.bool == false)
        #expect(abs(facts["clock_drift_seconds"]?.integer ?? 99) <= 2)
        #expect(try await alpha.status()["events"]?.integer == 0, "nothing was committed")
        #expect(try await alpha.peerStatus("beta")?["id"] == nil, "nobody was pinned")
        let text = try await alpha.run("why", "beta").out
        #expect(text.contains(/✓ +tcp +connected to 127.0.0.1/) && text.contains("every step goes well"), "\(text)")
        #expect(text.contains("no daemon runs"))
        alpha.setPeer("beta", beta.endpoint, "interval: 1h")
        try await alpha.start()
        try await eventually("the note") { try await alpha.events().count == 1 ? true : nil }
        let live = try await why(alpha)
        #expect(live.status == 0 && live.facts["running"]?.bool == true && live.facts["state"]?.string != nil)
        // A peer that goes away: what is known of before is told beside the fault.
        try await beta.stop()
        try await eventually("alpha has noticed") {
            try await alpha.peerStatus("beta")?["consecutive_failures"]?.integer ?? 0 > 1 ? true : nil
        }
        // There is no next one while one is under way.
        let gone = try await eventually("the next try is known") {
            let gone = try await why(alpha)
            return gone.facts["next_poll_in"]?.string == nil ? nil : gone
        }
        #expect(gone.status == 4 && gone.facts["code"]?.string == "refused" && gone.facts["reason"]?.string == "network_refused")
        #expect(gone.facts["failing_since"]?.string != nil)
        #expect(gone.facts["consecutive_failures"]?.integer ?? 0 > 1 && gone.facts["last_success"]?.string != nil)
        let shown = try await eventually("the next try is shown") {
            let shown = try await alpha.run("why", "beta").out
            return shown.contains("next try") ? shown : nil
        }
        #expect(shown.contains("times in a row, since ") && shown.contains("federation help network_refused"))
        #expect(shown.split(separator: "\n").count < 24, "one screen:\n\(shown)")
        try await alpha.stop()
    }

    @Test func anUnknownPeerIsAnError() async throws {
        let (alpha, _) = try await nodes()
        let result = try await alpha.run("why", "bta")
        #expect(result.status == 1 && result.err.contains("beta"))
    }

    @Test func theConfigurationMayBeTheReason() async throws {
        let (alpha, beta) = try await nodes()
        try await beta.start()
        _ = try await alpha.facts("pause-peer", "beta")
        #expect(try await fault(alpha) == "config/paused")
        #expect(try await why(alpha).status == 6)
        try await giveMend(alpha)
        #expect(try await fault(alpha) == "ok")
        _ = try await alpha.facts("set-mode", "publish", "--peer", "beta")
        alpha.set("mode", "subscribe")
        #expect(try await fault(alpha) == "config/nothing_flows")
        try await giveMend(alpha)
        #expect(try await fault(alpha) == "ok")
        // Both give, and neither takes.
        _ = try await alpha.facts("set-mode", "publish")
        try await beta.stop()
        beta.set("mode", "publish")
        try await beta.start()
        #expect(try await fault(alpha) == "page/fetches_nothing")
        #expect(try await why(alpha).status == 6)
        try await beta.stop()
    }

    @Test func theWayToThePeer() async throws {
        let (alpha, beta) = try await nodes()
        alpha.setPeer("beta", "http://no-such-host.invalid:4001")
        #expect(try await fault(alpha) == "dns/name_unknown")
        let mend = try await mend(alpha)
        #expect(mend["kind"]?.string == "setting" && mend["key"]?.string == "peers[0].endpoint")
        let place = mend["place"]?.string ?? ""
        let line = Int(place.dropFirst(alpha.configPath.count + 1).prefix { $0 != ":" }) ?? 0
        let lines = TestFile.text(alpha.configPath).split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines[line - 1].contains("endpoint: http://no-such-host.invalid:4001"), "\(place)")
        alpha.setPeer("beta", beta.endpoint)
        #expect(try await fault(alpha) == "tcp/refused")
        #expect(try await self.mend(alpha)["command"]?.string == "federation run")
        try await beta.start()
        #expect(try await fault(alpha) == "ok")
        // The node itself.
        alpha.setPeer("beta", alpha.endpoint)
        try await alpha.start()
        #expect(try await fault(alpha) == "identity/ourselves")
        try await giveMend(alpha)
        #expect(try await alpha.run("why", "beta").status == 1, "it is a peer no more")
        for node in [alpha, beta] { try await node.stop() }
    }

    @Test func aServerThatSaysNothing() async throws {
        let (alpha, _) = try await nodes()
        let silent = ScriptedServer { socket in
            _ = socket.receive()
            socket.close()
        }
        alpha.setPeer("beta", "http://127.0.0.1:\(silent.port)")
        #expect(try await fault(alpha) == "identity/no_answer")
        alpha.setPeer("beta", "https://127.0.0.1:\(silent.port)")
        #expect(try await fault(alpha) == "tls/tls_handshake")
        let stalling = ScriptedServer.stalling()
        alpha.setPeer("beta", "https://127.0.0.1:\(stalling.port)", "timeout: 1s")
        #expect(try await fault(alpha) == "tls/tls_handshake")
        alpha.setPeer("beta", stalling.endpoint, "timeout: 1s")
        #expect(try await fault(alpha) == "identity/no_answer")
        #expect(try await mend(alpha)["line"]?.string == "timeout: 2s")
        let web = try FakePeer.answering(status: 404)
        alpha.setPeer("beta", web.endpoint)
        #expect(try await fault(alpha) == "identity/no_node")
        await web.stop()
    }

    @Test func encryption() async throws {
        let (alpha, beta) = try await nodes()
        let authority = TestAuthority()
        let port = TestPort.free()
        func serve(_ issued: TestAuthority.Issued) async throws {
            write(issued.certificate, beta, "server.pem")
            write(issued.key, beta, "server.key")
            try await beta.start()
        }
        beta.set("tls", "{listen: '127.0.0.1:\(port)', certificate: server.pem, key: server.key}")
        write(authority.pem, alpha, "ca.pem")
        write(TestAuthority(name: "another").pem, alpha, "other.pem")
        let good = authority.issue()
        try await serve(good)
        alpha.setPeer("beta", "https://127.0.0.1:\(port)")
        #expect(try await fault(alpha) == "tls/tls_unknown_authority")
        #expect(try await mend(alpha)["line"]?.string == "ca: FILE")
        alpha.setPeer("beta", "https://127.0.0.1:\(port)", "ca: other.pem")
        #expect(try await fault(alpha) == "tls/tls_unknown_authority")
        alpha.setPeer("beta", "https://127.0.0.1:\(port)", "ca: ca.pem")
        #expect(try await fault(alpha) == "ok")
        alpha.setPeer("beta", "https://127.0.0.1:\(port)", "ca: ca.pem", "tls_pin: sha256:\(String(repeating: "0", count: 64))")
        #expect(try await fault(alpha) == "tls/tls_other_pin")
        alpha.setPeer("beta", "https://127.0.0.1:\(port)", "ca: ca.pem", "tls_pin: sha256:\(good.pin.hex)")
        #expect(try await fault(alpha) == "ok")
        alpha.setPeer("beta", "https://127.0.0.1:\(beta.port)", "ca: ca.pem")
        #expect(try await fault(alpha) == "tls/tls_handshake", "the port that speaks no TLS")
        alpha.setPeer("beta", "https://127.0.0.1:\(port)", "ca: ca.pem")
        try await beta.stop()
        try await serve(authority.issue(["DNS:beta.example"]))
        #expect(try await fault(alpha) == "tls/tls_other_name")
        try await beta.stop()
    }

    @Test func whoAnswers() async throws {
        let (alpha, beta) = try await nodes()
        try await beta.start()
        _ = try await alpha.facts("sync")
        let id = try #require(try await alpha.peerStatus("beta")?["id"]?.string)
        try await beta.stop()
        let other = try await TestNode("other", in: beta.scratch, port: beta.port)
        try await other.start()
        let facts = try await why(alpha)
        #expect(facts.status == 5 && facts.facts["code"]?.string == "other_node")
        #expect(facts.facts.at("facts", "expected")?.string == id && facts.facts.at("facts", "by")?.string == "pinned")
        // First somebody has to look at the peer itself; what trusts who answers comes after that.
        let mends = try #require(facts.facts["mends"]?.array)
        #expect(mends.map { $0["kind"]?.string } == ["command_there", "command"])
        #expect(mends[0]["command"]?.string == "federation identity show" && mends[1]["if_confirmed"]?.bool == true)
        #expect(try await alpha.run("why", "beta").out.contains("if its owner says that who answers is right"))
        try await giveMend(alpha, "beta", at: 1, "--yes")
        #expect(try await fault(alpha) == "ok")
        // What the configuration insists on is mended there.
        alpha.setPeer("beta", beta.endpoint, "id: \(id)")
        #expect(try await fault(alpha) == "identity/other_node")
        let line = try #require(try await mend(alpha, at: 1)["line"]?.string)
        alpha.setPeer("beta", beta.endpoint, line)
        #expect(try await fault(alpha) == "ok")
        // First contact that waits for a person.
        alpha.setPeer("beta", beta.endpoint, "first_contact: ask")
        #expect(try await fault(alpha) == "identity/waits_for_person")
        try await giveMend(alpha, "beta", at: 0, "--yes")
        #expect(try await fault(alpha) == "ok")
        try await other.stop()
    }

    @Test func keys() async throws {
        let (alpha, beta) = try await nodes()
        beta.set("access", "{shared_key_file: ring.key}")
        write(Array("a-key-of-the-ring-000\n".utf8), beta, "ring.key")
        try await beta.start()
        #expect(try await fault(alpha) == "auth/key_refused")
        let mend = try await mend(alpha)
        #expect(mend["key"]?.string == "access.shared_key_file" && mend["line"]?.string == "access: {shared_key_file: FILE}")
        alpha.set("access", "{shared_key_file: wrong.key}")
        write(Array("a-key-of-the-ring-001\n".utf8), alpha, "wrong.key")
        #expect(try await fault(alpha) == "auth/key_refused")
        write(Array("a-key-of-the-ring-000\n".utf8), alpha, "wrong.key")
        #expect(try await fault(alpha) == "ok")
        unlink(alpha.directory + "/wrong.key")
        #expect(try await fault(alpha) == "config/key_file")
        try await beta.stop()
    }

    @Test func pages() async throws {
        let (alpha, beta) = try await nodes()
        let node = "01KNJX4991ASW6NNKS9BQHNCGB"
        func peer(_ answer: @Sendable @escaping (ServedRequest) -> HTTPResponse) throws -> FakePeer {
            try FakePeer { request in
                guard request.path.hasSuffix("/identity") else { return answer(request) }
                return HTTPResponse(
                    status: 200, fields: ["Content-Type": "application/json"], body: Array(#"{"id":"\#(node)","name":"fake","version":"1.0.0","mode":"sync"}"#.utf8))
            }
        }
        let garbage = try peer { _ in HTTPResponse(status: 200, fields: ["Content-Type": "text/html", "Federation-Node": node], body: Array("<html>".utf8)) }
        alpha.setPeer("beta", garbage.endpoint)
        #expect(try await fault(alpha) == "page/malformed")
        await garbage.stop()
        let failing = try peer { _ in HTTPResponse(status: 500) }
        alpha.setPeer("beta", failing.endpoint)
        #expect(try await fault(alpha) == "page/status")
        await failing.stop()
        let busy = try peer { _ in HTTPResponse(status: 429) }
        alpha.setPeer("beta", busy.endpoint)
        #expect(try await fault(alpha) == "page/busy")
        await busy.stop()
        beta.set("mode", "subscribe")
        try await beta.start()
        alpha.setPeer("beta", beta.endpoint)
        #expect(try await fault(alpha) == "page/serves_nothing")
        #expect(try await mend(alpha)["command"]?.string == "federation set-mode sync")
        #expect(try await beta.run("set-mode", "sync").status == 0)
        #expect(try await fault(alpha) == "ok")
        try await beta.stop()
    }

    @Test func eventsThatAreNotApplied() async throws {
        let (alpha, _) = try await nodes()
        let unsigned = try FakeNoema(events: [FakeEvent.create(1)])
        alpha.set("verify", "enforce")
        alpha.setPeer("beta", unsigned.endpoint, "wire: noema")
        #expect(try await fault(alpha) == "verify/unsigned")
        let line = try #require(try await mend(alpha)["line"]?.string)
        alpha.setPeer("beta", unsigned.endpoint, "wire: noema", line)
        #expect(try await fault(alpha) == "ok")
        let odd = try FakeNoema(events: [FakeEvent.create(1), FakeEvent.create(2, action: "levitate")])
        alpha.setPeer("beta", odd.endpoint, "wire: noema", line)
        #expect(try await fault(alpha) == "replay/unknown_action")
        #expect(try await alpha.status()["held"]?.integer == 0, "nothing was committed")
        // Once it is in the log, that is told whenever the rest is well.
        _ = try await alpha.run("sync")
        let held = try await why(alpha).facts
        #expect(held["code"]?.string == "unknown_action" && held.at("facts", "held")?.integer == 1)
        #expect(held.at("mends", "0", "kind")?.string == "upgrade")
    }

    @Test func noRoom() async throws {
        let (alpha, beta) = try await nodes()
        try await alpha.put("# Large\n\n" + String(repeating: "x", count: 1_500_000) + "\n")
        alpha.set("store", "{max_size: 1MB}")
        try await beta.start()
        #expect(try await fault(alpha) == "commit/store_quota")
        let line = try #require(try await mend(alpha)["line"]?.string)
        #expect(line == "store: {max_size: 2MB}")
        let text = TestFile.text(alpha.configPath)
        TestFile.write(text.replacing("max_size: 1MB", with: "max_size: 20MB"), to: alpha.configPath)
        #expect(try await fault(alpha) == "ok")
        // The same where the daemon holds the database.
        TestFile.write(text, to: alpha.configPath)
        try await alpha.start()
        #expect(try await fault(alpha) == "commit/store_quota")
        for node in [alpha, beta] { try await node.stop() }
    }
}
