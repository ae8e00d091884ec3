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
        #expect(try await node.run("why", FakeEvent.id(2)).out.contains("held: unknown_action"))
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
