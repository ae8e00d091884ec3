import FederationCore
import Glibc
import Testing

/// `why EVENT` and `why RECORD`.
@Suite(.serialized) struct EventWhyTests {
    @Test func anEventTellsWhoWroteItAndWhatItWonAgainst() async throws {
        let scratch = ScratchDirectory()
        let (alpha, beta) = (try await TestNode("alpha", in: scratch), try await TestNode("beta", in: scratch))
        alpha.setPeer("beta", beta.endpoint)
        beta.setPeer("alpha", alpha.endpoint)
        for node in [alpha, beta] { try await node.start() }
        let id = try await beta.put("# Note\n\nOne.\n")
        try await eventually("alpha has it") { try await alpha.run("show", id).status == 0 ? true : nil }
        let created = try #require(try await alpha.facts("events", id).at("events", "0", "id")?.string)
        let first = try await alpha.facts("why", created)
        #expect(first["state"]?.string == "applied" && first["effect"]?.string == "shown")
        #expect(first.at("writer", "peer")?.string == "beta" && first.at("event", "peer")?.string == "beta")
        #expect(first.at("proof", "proved")?.bool == true && first.at("event", "received_at")?.string != nil)
        #expect(first["changed"]?.array?.compactMap(\.string).contains("body") == true)
        try await alpha.put("# Note\n\nTwo.\n", "--id", id)
        let second = try await alpha.facts("why", created)
        let update = try #require(second.at("superseded_by", "0")?.string)
        #expect(second["effect"]?.string == "superseded")
        let own = try await alpha.facts("why", update)
        #expect(own.at("writer", "ourselves")?.bool == true && own.at("replaced", "0")?.string == created)
        #expect(own["changed"]?.array?.compactMap(\.string) == ["body"])
        let text = try await alpha.run("why", update).out
        #expect(text.contains("by this node") && text.contains(/took the place of +/) && text.contains("it is what the record shows"), "\(text)")
        // A record's events, in one list.
        let record = try await alpha.facts("why", id)
        #expect(record["events"]?.array?.compactMap { $0["effect"]?.string } == ["superseded", "shown"])
        #expect(try await alpha.run("why", id).out.contains("peer 'beta'"))
        for node in [alpha, beta] { try await node.stop() }
        #expect(try await alpha.run("why", "01KNJX4991ASW6NNKS9BQHNCGB").status == 1)
        #expect(try await alpha.run("why", "nobody").err.contains("beta"))
    }

    /// As it came, later, and never.
    @Test func anEventTellsWhenItWasVerified() async throws {
        let scratch = ScratchDirectory()
        let names = ["alpha", "beta", "gamma"]
        let nodes = try await names.asyncMap { try await TestNode($0, in: scratch) }
        let (alpha, beta, gamma) = (nodes[0], nodes[1], nodes[2])
        let unsigned = try FakeNoema(events: [FakeEvent.create(1)])
        beta.setPeer("alpha", alpha.endpoint)
        let first = [("beta", ["endpoint: \(beta.endpoint)"]), ("old", ["endpoint: \(unsigned.endpoint)", "wire: noema"])]
        gamma.setPeers(first)
        let id = try await alpha.put("# Of alpha\n")
        let created = try #require(try await alpha.facts("events", id).at("events", "0", "id")?.string)
        func proof(_ node: TestNode, _ event: String) async throws -> (came: String, proof: JSON, line: String) {
            let facts = try await node.facts("why", event)
            let line = try await node.run("why", event).out.split(separator: "\n").first { $0.hasPrefix("  verified ") }
            return (facts.at("event", "received_at")?.string ?? "", try #require(facts["proof"]), String(line ?? ""))
        }
        for node in nodes { try await node.start() }
        let own = try await proof(alpha, created)
        #expect(own.proof["occasion"]?.string == "own" && own.proof["verified_at"]?.string == own.came)
        #expect(own.line.hasSuffix("\(own.came), under this node's own key"), "\(own.line)")

        // beta met alpha before it gave it anything.
        try await eventually("beta has it") { (try await beta.run("show", id).status == 0).orNil }
        let direct = try await proof(beta, created)
        #expect(direct.proof["occasion"]?.string == "arrival" && direct.proof["verified_at"]?.string == direct.came)
        #expect(direct.line.hasSuffix("\(direct.came), as it came"), "\(direct.line)")

        // gamma has it from beta, who vouches for alpha's key, and then meets alpha.
        try await eventually("gamma has it") { (try await gamma.run("show", id).status == 0).orNil }
        let relayed = try await proof(gamma, created)
        #expect(relayed.proof["proved"]?.bool == false && relayed.proof["verified_at"] == nil)
        #expect(relayed.proof["found_at"]?.string == relayed.came && relayed.line.hasSuffix(" only others say that the key is its origin's"), "\(relayed)")
        // A second passes, for that is what times are shown to.
        try await Task.sleep(for: .milliseconds(1100))
        gamma.setPeers(first + [("alpha", ["endpoint: \(alpha.endpoint)"])])
        try await eventually("gamma has met alpha and looked again; log:\n\(gamma.log)") {
            (try await proof(gamma, created).proof["proved"]?.bool).flatMap(\.orNil)
        }
        let later = try await proof(gamma, created)
        let verified = try #require(later.proof["verified_at"]?.string)
        #expect(later.came == relayed.came && verified > later.came)
        // By its signature, or by the checkpoint of an origin that had written nothing for a while, whichever was sooner.
        let words = ["review": "when its signature was looked at again", "chain": "when its origin's signed chain reached it"]
        let shown = try #require(words[later.proof["occasion"]?.string ?? ""])
        #expect(later.line.hasSuffix("\(verified), \(shown)"), "\(later.line)")

        let other = try await proof(gamma, FakeEvent.id(1))
        #expect(other.proof["verified"]?.string == "unsigned" && other.proof["verified_at"] == nil)
        #expect(other.proof["occasion"]?.string == "arrival" && other.line.hasSuffix("no: there is no signature"), "\(other.line)")
        for node in nodes { #expect(try await node.stop() == .exited(0)) }
    }

    /// An event that is not signed, taken in under `warn`, under `enforce` and under what is said to release it.
    @Test func aHeldEventSaysWhatWouldReleaseIt() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let peer = try FakeNoema(events: [FakeEvent.create(1)])
        node.setPeer("old", peer.endpoint, "wire: noema")
        _ = try await node.run("sync")
        #expect(try await node.facts("why", FakeEvent.id(1))["state"]?.string == "applied")
        node.set("verify", "enforce")
        try await node.start()
        try await eventually("it is held:\n\(node.log)") { (try await node.facts("why", FakeEvent.id(1))["state"]?.string == "held").orNil }
        let held = try await node.facts("why", FakeEvent.id(1))
        #expect(held["hold"]?.string == "signature" && held["held_since"] == nil)
        let text = try await node.run("why", FakeEvent.id(1)).out
        #expect(text.contains("held: signature, some time after it came") && text.contains("federation help signature"), "\(text)")
        let mend = try #require(held.at("mends", "0"))
        #expect(mend["kind"]?.string == "setting" && mend["line"]?.string == "verify: warn")
        #expect(text.contains("mend:  \(mend["place"]?.string ?? "?"): \(mend["key"]?.string ?? "?"): write 'verify: warn'"), "\(text)")
        TestFile.write(TestFile.text(node.configPath).replacing("verify: enforce", with: "verify: warn"), to: node.configPath)
        try await eventually("it is released:\n\(node.log)") { (try await node.facts("why", FakeEvent.id(1))["state"]?.string == "applied").orNil }
        try await node.stop()
    }

    /// One that is not signed and was never taken in, of a peer that came while the daemon ran: what is proposed is that peer's
    /// own, at its own place, whatever name the event gives itself.
    @Test func aRefusedEventSaysWhatWouldReleaseIt() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let event = FakeEvent.create(1).replacing(#""origin":"fake","timestamp""#, with: #""origin":"of whoever sends","timestamp""#)
        let peer = try FakeNoema(events: [event])
        node.set("verify", "enforce")
        let idle = [("idle", ["endpoint: http://127.0.0.1:\(TestPort.free())", "paused: true"])]
        node.setPeers(idle)
        try await node.start()
        let gone = [("gone", ["endpoint: http://127.0.0.1:\(TestPort.free())"])]
        node.setPeers(idle + [("old", ["endpoint: \(peer.endpoint)", "wire: noema"])] + gone)
        func state() async throws -> String? { try? await node.facts("why", FakeEvent.id(1))["state"]?.string }
        try await eventually("it is refused:\n\(node.log)") { (try await state() == "refused").orNil }
        let refused = try await node.facts("why", FakeEvent.id(1))
        #expect(refused.at("quarantine", "0", "code")?.string == "unsigned" && refused["mends"]?.array?.count == 1)
        let mend = try #require(refused.at("mends", "0"))
        let line = try #require(TestFile.text(node.configPath).split(separator: "\n", omittingEmptySubsequences: false).firstIndex { $0.hasSuffix("- name: old") })
        #expect(mend["key"]?.string == "peers[1].verify" && mend["line"]?.string == "verify: warn")
        #expect(mend["place"]?.string?.hasPrefix("\(node.configPath):\(line + 1):") == true, "\(mend.raw)")
        node.setPeers(idle + [("old", ["endpoint: \(peer.endpoint)", "wire: noema", "verify: warn"])] + gone)
        try await eventually("it is released:\n\(node.log)") { (try await state() == "applied").orNil }
        // A peer's faults are mended at its own place as well; in a file that cannot be taken there is none.
        func endpoint() async throws -> JSON? {
            try await node.run("why", "gone", "--json").json["mends"]?.array?.first { $0["kind"]?.string == "setting" }
        }
        let good = TestFile.text(node.configPath)
        let last = good.split(separator: "\n", omittingEmptySubsequences: false).count - 1
        let there = try #require(try await endpoint())
        #expect(there["key"]?.string == "peers[2].endpoint")
        #expect(there["place"]?.string?.hasPrefix("\(node.configPath):\(last):") == true, "\(there.raw)")
        TestFile.write(good + "nonsense: 1\n", to: node.configPath)
        let nowhere = try #require(try await endpoint())
        #expect(nowhere["key"]?.string == "peers[2].endpoint" && nowhere["place"] == nil, "\(nowhere.raw)")
        try await node.stop()
    }

    /// It came twice, and of what came first nothing can be said.
    @Test func ofSeveralCopiesThatWereRefusedTheLastOneCounts() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let broken = try FakeNoema(events: [FakeEvent.event(1, action: "create", data: #"{"title":7}"#)])
        let unsigned = try FakeNoema(identity: FakeNoema.identity(id: FakeNoema.id.dropLast() + "D"), events: [FakeEvent.create(1)])
        node.set("verify", "enforce")
        var peers = [("old", ["endpoint: \(broken.endpoint)", "wire: noema", "verify: off"])]
        node.setPeers(peers)
        _ = try await node.run("sync")
        #expect(try await node.facts("why", FakeEvent.id(1))["mends"] == nil)
        peers[0].1.removeLast()
        node.setPeers(peers + [("relay", ["endpoint: \(unsigned.endpoint)", "wire: noema"])])
        _ = try await node.run("sync")
        let refused = try await node.facts("why", FakeEvent.id(1))
        #expect(refused["quarantine"]?.array?.compactMap { $0["code"]?.string } == ["malformed_snapshot", "unsigned"])
        #expect(refused.at("mends", "0", "key")?.string == "peers[0].verify", "\(refused.raw)")
    }

    @Test func whatIsNotAppliedSaysWhy() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let events = [
            FakeEvent.create(1), FakeEvent.create(2, action: "levitate"),
            FakeEvent.event(3, action: "create", data: #"{"title":7}"#),
            FakeEvent.create(4, id: "7ZZZZZZZZZ" + String(repeating: "0", count: 16)),
        ]
        let peer = try FakeNoema(events: events)
        node.setPeer("odd", peer.endpoint, "wire: noema")
        _ = try await node.run("sync")
        let held = try await node.facts("why", FakeEvent.id(2))
        #expect(held["state"]?.string == "held" && held["hold"]?.string == "unknown_action")
        #expect(held["held_since"]?.string == held.at("event", "received_at")?.string)
        let text = try await node.run("why", FakeEvent.id(2)).out
        #expect(text.contains("held: unknown_action, since \(held["held_since"]?.string ?? "?")") && text.contains("mend:  upgrade this node"), "\(text)")
        let refused = try await node.facts("why", FakeEvent.id(3))
        #expect(refused["state"]?.string == "refused" && refused["event"] == nil)
        #expect(refused.at("quarantine", "0", "code")?.string == "malformed_snapshot")
        #expect(refused.at("quarantine", "0", "peer")?.string == "odd")
        let deferred = try await node.facts("why", "7ZZZZZZZZZ" + String(repeating: "0", count: 16))
        #expect(deferred["state"]?.string == "deferred" && deferred.at("quarantine", "0", "retry_at")?.string != nil)
        // One that was purged, and what it had said.
        let id = try await node.put("# Gone\n")
        let created = try #require(try await node.facts("events", id).at("events", "0", "id")?.string)
        #expect(try await node.run("purge", id, "--yes").status == 0)
        let purged = try await node.facts("why", created)
        #expect(purged["state"]?.string == "purged" && purged["effect"]?.string == "purged_away")
    }
}
