import FederationCore
import Glibc
import Testing

@testable import FederationStore

/// `federation verify`, and what comparisons mend.
@Suite(.serialized) struct VerifyTests {
    /// Takes events out of a stopped node's log, as another program would.
    private func delete(_ condition: SQL, from node: TestNode) throws {
        let connection = try SQLiteConnection(path: node.directory + "/data/federation.db", mode: .readWrite)
        try connection.script(condition)
    }

    @Test func equalLogsAreProvenAndWhatVanishedComesBack() async throws {
        let ring = try await Ring("alpha", "beta")
        let (alpha, beta) = (ring["alpha"], ring["beta"])
        try await ring.start()
        for node in ring.nodes { for number in 1...3 { try await node.put("# Note \(number) of \(node.name)\n") } }
        try await ring.agreement(events: 6)
        let proven = try await alpha.run("verify")
        #expect(proven.status == 0, "\(proven.out)\(proven.err)")
        #expect(proven.out.hasPrefix("beta: in sync: 6 events, digest "))
        let facts = try await beta.facts("verify", "--peer", "alpha")
        #expect(facts.at("peers", "0", "digest")?.string == facts.at("peers", "0", "peer_digest")?.string)
        #expect(facts.at("peers", "0", "origins")?.array?.count == 2)
        #expect(try await alpha.peerStatus("beta")?.at("in_sync", "events")?.integer == 6)

        // Two of beta's events vanish from alpha, whose position is behind them.
        #expect(try await alpha.stop() == .exited(0))
        try delete("DELETE FROM events WHERE peer = 'beta' AND number > 1", from: alpha)
        try await alpha.start()
        let mended = try await alpha.run("verify")
        #expect(mended.status == 0, "\(mended.out)\(mended.err)")
        #expect(mended.out.contains("in sync: 6 events"))
        try await ring.agreement(events: 6)
        try await ring.stop()
        for node in ring.nodes { #expect(try await node.run("check", "--deep").status == 0) }
    }

    @Test func theOwnDatabaseIsCheckedBesideItsDaemon() async throws {
        let ring = try await Ring("alpha", "beta")
        let alpha = ring["alpha"]
        try await ring.start()
        for node in ring.nodes { for number in 1...3 { try await node.put("# Note \(number) of \(node.name)\n") } }
        try await ring.agreement(events: 6)
        let sound = try await alpha.run("verify", "--self")
        #expect(sound.status == 0, "\(sound.out)\(sound.err)")
        // Its own events, and beta's: it has met beta and pinned its key.
        #expect(
            sound.out == """
                everything is right: 6 events, 6 records
                signatures: 6 verified, 0 unsigned, 0 by a key that is not known, 0 bad

                """)
        #expect(try await alpha.run("verify", "--self", "--peer", "beta").status == 2)
        try await ring.stop()
        try delete("UPDATE records SET title = 'Another' WHERE title = 'Note 2 of beta'", from: alpha)
        try delete("UPDATE events SET signature = NULL WHERE number = 1", from: alpha)
        try delete("UPDATE events SET data = CAST(replace(data, 'Note 3', 'Note 4') AS BLOB) WHERE number = 3", from: alpha)
        let facts = try await alpha.run("verify", "--self", "--json")
        #expect(facts.status == 6)
        let json = try facts.json
        #expect(json["ok"]?.bool == false && json["complete"]?.bool == true)
        #expect(json.at("signatures", "unsigned")?.integer == 2)
        // Where there was time to attest the chain, it does not fit either.
        let kinds = (json["findings"]?.array ?? []).compactMap { $0["finding"]?.string }.filter { $0 != "chain_mismatch" }
        let count = json["finding_count"]?.integer ?? 0
        #expect((5...6).contains(count))
        #expect(kinds.sorted() == ["digest_mismatch", "digest_mismatch"] + Array(repeating: "record_mismatch", count: 3))
        let text = try await alpha.run("verify", "--self")
        #expect(text.out.contains("\n\(count) findings: 6 events, 6 records\n") && text.err.contains("hint: "))
        let check = try await alpha.run("check", "--deep")
        #expect(check.status == 3 && check.err.contains("a record is not what its events make it: "), "\(check.err)")
    }

    @Test func theExactDifferenceIsListed() async throws {
        let ring = try await Ring("alpha", "beta")
        let (alpha, beta) = (ring["alpha"], ring["beta"])
        beta.setPeers([])
        try await ring.start()
        try await alpha.put("# Only here\n")
        let result = try await alpha.run("verify", "--peer", "beta", "--list", "--wait", "0")
        #expect(result.status == 6, "\(result.out)\(result.err)")
        let event = try #require(try await alpha.facts("events").at("events", "0", "id")?.string)
        #expect(result.out.contains("only here: \(event)"))
        #expect(result.out.contains("1 event missing at beta"))
        #expect(try await alpha.peerStatus("beta")?["in_sync"] == nil)
        #expect(try await alpha.run("verify", "--wait", "soon").status == 2)
        #expect(try await alpha.run("verify", "--peer", "gamma").status == 1)
        try await ring.stop()
        let gone = try await alpha.run("verify")
        #expect(gone.status == 4, "\(gone.out)\(gone.err)")
    }

    /// Without a daemon the command itself shows the key of the ring, as the file has it now.
    @Test func aPeerThatAsksForAKeyIsComparedWithWithoutADaemon() async throws {
        let ring = try await Ring("alpha", "beta")
        let (alpha, beta) = (ring["alpha"], ring["beta"])
        func write(_ key: String, _ node: TestNode) {
            TestFile.write(key + "\n", to: node.directory + "/ring.key")
            chmod(node.directory + "/ring.key", 0o600)
        }
        for node in ring.nodes {
            node.set("access", "{shared_key_file: ring.key}")
            write("a-key-of-the-ring-000", node)
        }
        try await beta.start()
        try await beta.put("# Behind a key\n")
        let proven = try await alpha.run("verify", "--peer", "beta")
        #expect(proven.status == 0 && proven.out.contains("in sync: 1 event"), "\(proven.out)\(proven.err)")
        write("another-key-of-the-ring", alpha)
        #expect(try await alpha.run("verify", "--peer", "beta").status != 0)
        #expect(try await beta.stop() == .exited(0))
    }

    @Test func aNoemaPeerCannotBeProven() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let peer = try FakeNoema(events: [FakeEvent.create(1)])
        node.setPeer("fake", peer.endpoint)
        #expect(try await node.run("sync").status == 0)
        let result = try await node.run("verify")
        #expect(result.status == 6, "\(result.out)\(result.err)")
        #expect(result.out.contains("fake: cannot be proven: a noema peer"))
    }

    @Test func logsThatAreWrittenToAreProven() async throws {
        let ring = try await Ring("alpha", "beta")
        let (alpha, beta) = (ring["alpha"], ring["beta"])
        try await ring.start()
        for node in ring.nodes { try await node.put("# Begin\n") }
        try await ring.agreement(events: 2)
        let writers = ring.nodes.map { node in
            Task {
                var number = 0
                while !Task.isCancelled {
                    number += 1
                    try await node.put("# Note \(number)\n")
                }
            }
        }
        for _ in 0..<3 {
            for node in [alpha, beta] {
                let result = try await node.run("verify", "--wait", "60s")
                #expect(result.status == 0, "\(result.out)\(result.err)")
            }
        }
        for writer in writers { writer.cancel() }
        for writer in writers { _ = await writer.result }
        try await ring.agreement(events: 8)
        try await ring.stop()
    }
}
