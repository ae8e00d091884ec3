import FederationCore
import Glibc
import Testing

@testable import FederationStore

/// Events that vanish from a node's log come back by their numbers, and `status` says what is missing.
@Suite(.serialized) struct HolesTests {
    private func delete(_ condition: SQL, from node: TestNode) throws {
        let connection = try SQLiteConnection(path: node.directory + "/data/federation.db", mode: .readWrite)
        try connection.script(condition)
    }

    private func origins(_ node: TestNode) async throws -> [String: JSON] {
        let origins = try await node.status()["origins"]?.array ?? []
        return Dictionary(uniqueKeysWithValues: origins.map { ($0["origin"]?.string ?? "", $0) })
    }

    private func id(_ node: TestNode) async throws -> String {
        try #require(try await node.status().at("node", "id")?.string)
    }

    /// Each node has been compared with the other, so no comparison is due for hours.
    private func compared(_ ring: Ring) async throws {
        for node in ring.nodes {
            try await eventually("\(node.name) is compared") {
                let peers = try await node.status()["peers"]?.array ?? []
                return peers.allSatisfy { $0["in_sync"] != nil }.orNil
            }
        }
    }

    @Test func whatVanishedComesBackByNumber() async throws {
        let ring = try await Ring("alpha", "beta")
        let (alpha, beta) = (ring["alpha"], ring["beta"])
        try await ring.start()
        for node in ring.nodes { for number in 1...5 { try await node.put("# Note \(number) of \(node.name)\n") } }
        try await ring.agreement(events: 10)
        try await compared(ring)
        let (own, other) = (try await id(alpha), try await id(beta))
        let whole = try await origins(alpha)
        #expect(whole.count == 2)
        for origin in [own, other] {
            #expect(whole[origin]?["numbers"]?.string == "complete")
            #expect(whole[origin]?["highest"]?.integer == 5 && whole[origin]?["missing"] == nil)
        }
        // A checkpoint proves it a few seconds after the last event.
        let words = try await alpha.run("status").out
        #expect(words.contains(" complete (unconfirmed)") || words.contains(" complete (proven)"), "\(words)")

        // Two of beta's and one of its own, the highest of both among them, are deleted by hand.
        #expect(try await alpha.stop() == .exited(0))
        try delete("DELETE FROM events WHERE peer <> '' AND number IN (2, 5)", from: alpha)
        try delete("DELETE FROM events WHERE peer = '' AND number IN (3, 5)", from: alpha)
        #expect(try await beta.stop() == .exited(0))
        // The first write counts them out; nobody can fill them yet.
        try await alpha.start()
        var seen: [String: JSON] = [:]
        let torn = try await eventually(
            "alpha knows what is missing: \(seen.mapValues { String(decoding: $0.raw, as: UTF8.self) }); log:\n\(alpha.log)"
        ) {
            let found = try await self.origins(alpha)
            seen = found
            return (found[other]?["missing"]?.integer == 2 && found[own]?["missing"]?.integer == 2) ? found : nil
        }
        #expect(torn[other]?.at("holes", "0", "first")?.integer == 2 && torn[other]?["since"]?.string?.isEmpty == false)
        #expect(torn[own]?.at("holes", "1", "first")?.integer == 5 && torn[own]?["numbers"]?.string == "missing")
        let text = try await alpha.run("status")
        #expect(text.out.contains("⚠ 2 events of beta not here ("), "\(text.out)")
        #expect(text.out.contains("): 2, 5, since "), "\(text.out)")
        // What is missing is remembered.
        #expect(try await alpha.stop() == .exited(0))
        try await alpha.start()
        #expect(try await origins(alpha)[other]?["since"]?.string == torn[other]?["since"]?.string)

        try await beta.start()
        try await eventually("what vanished is back; log:\n\(alpha.log)") {
            let found = try await self.origins(alpha)
            return (found.values.allSatisfy { $0["numbers"]?.string == "complete" }).orNil
        }
        try await ring.agreement(events: 10)
        #expect(alpha.log.contains("events that were missing came"), "\(alpha.log)")
        // Its own came back as well, and it writes on above them.
        #expect(try await alpha.status()["state"]?.string == "ok")
        try await alpha.put("# Another\n")
        try await ring.agreement(events: 11)
        #expect(try await origins(beta)[own]?["highest"]?.integer == 6)
        try await ring.stop()
        for node in ring.nodes { #expect(try await node.run("verify", "--self").status == 0) }
    }

    @Test func aSignedChainProvesWhatIsMissing() async throws {
        let scratch = ScratchDirectory()
        let node = try await TestNode("alpha", in: scratch)
        let tree = scratch.file("notes")
        mkdir(tree, 0o755)
        for number in 0..<130 { TestFile.write("# Note \(number)\n\nText \(number).\n", to: "\(tree)/note-\(number).md") }
        #expect(try await node.run("import", tree).status == 0)
        let whole = try #require(try await origins(node).values.first)
        #expect(whole["numbers"]?.string == "complete" && whole["attested"]?.integer ?? 0 >= 64)
        #expect(try await node.run("verify", "--self").status == 0)
        try delete("DELETE FROM events WHERE number = 10", from: node)
        let found = try await node.run("verify", "--self", "--json")
        #expect(found.status == 6)
        let kinds = (try found.json["findings"]?.array ?? []).compactMap { $0["finding"]?.string }
        #expect(kinds.contains("chain_mismatch") && kinds.contains("event_removed"), "\(kinds)")
        // The next write counts it out, and what is missing is no guess.
        try await node.put("# Another\n")
        let torn = try #require(try await origins(node).values.first)
        #expect(torn["numbers"]?.string == "missing" && torn["missing"]?.integer == 1)
        #expect(torn.at("holes", "0", "first")?.integer == 10 && torn.at("holes", "0", "proof")?.string == "proven")
    }

    @Test func anOriginWithoutNumbersProvesNothing() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let peer = try FakeNoema(events: [FakeEvent.create(1, clock: "{}")])
        node.setPeer("fake", peer.endpoint)
        #expect(try await node.run("sync").status == 0)
        let origin = try #require(try await origins(node).values.first)
        #expect(origin["numbers"]?.string == "none" && origin["proof"]?.string == "none")
        #expect(try await node.run("status").out.contains("1 without numbers"))
    }
}
