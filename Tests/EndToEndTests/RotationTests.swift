import FederationCore
import Glibc
import Testing

/// `keygen --force` on a node that has written, and what its peers make of it.
@Suite(.serialized) struct RotationTests {
    private func proofs(_ node: TestNode) async throws -> [String] {
        (try await node.facts("events", "--limit", "1000")["events"]?.array ?? []).compactMap { $0["verified"]?.string }
    }

    @Test func aRingFollowsAcrossRotationsAndSoDoesAFreshNode() async throws {
        let scratch = ScratchDirectory()
        func make(_ name: String) async throws -> TestNode {
            let node = try await TestNode(name, in: scratch)
            node.set("verify", "enforce")
            return node
        }
        let (alpha, beta) = (try await make("alpha"), try await make("beta"))
        beta.setPeer("alpha", alpha.endpoint)
        try await alpha.put("# First\n\nUnder the first key.\n")
        for node in [alpha, beta] { try await node.start() }
        try await eventually("beta has met alpha; log:\n\(beta.log)") { (try await proofs(beta).count == 1).orNil }
        let first = try await alpha.facts("key", "fingerprint")["public_key"]?.string

        for title in ["Second", "Third"] {
            #expect(try await alpha.stop() == .exited(0))
            let before = try await alpha.facts("key", "fingerprint")["public_key"]?.string
            let planned = try await alpha.facts("keygen", "--force", "--dry-run")
            #expect(planned["replaces"]?.bool == true && planned["events"]?.integer ?? 0 >= 1)
            #expect(try await alpha.facts("key", "fingerprint")["public_key"]?.string == before)
            let rotated = try await alpha.facts("keygen", "--force")
            #expect(rotated["succeeds"]?.string == before && rotated["public_key"]?.string != before)
            try await alpha.put("# \(title)\n\nUnder another key.\n")
            try await alpha.start()
        }
        try await eventually("beta follows; log:\n\(beta.log)") { (try await proofs(beta).count == 3).orNil }
        let now = try await alpha.facts("key", "fingerprint")["public_key"]?.string
        try await eventually("beta has pinned the newest key") {
            (try await beta.peerStatus("alpha")?.at("key", "public_key")?.string == now).orNil
        }
        #expect(now != first)
        #expect(try await beta.facts("quarantine", "list")["entries"]?.array?.isEmpty == true)
        #expect(try await beta.run("status", "--check").status == 0)

        // Met only now, directly and through beta.
        let (gamma, delta) = (try await make("gamma"), try await make("delta"))
        gamma.setPeer("alpha", alpha.endpoint)
        delta.setPeer("beta", beta.endpoint)
        for node in [gamma, delta] { try await node.start() }
        for node in [gamma, delta] {
            try await eventually("\(node.name) has all three; log:\n\(node.log)") { (try await proofs(node).count == 3).orNil }
            #expect(try await node.facts("quarantine", "list")["entries"]?.array?.isEmpty == true)
        }
        #expect(try await proofs(gamma).allSatisfy { $0 == "pinned_key" || $0 == "chain" })
        #expect(try await proofs(delta).allSatisfy { $0 == "provisional_key" })
        for node in [alpha, beta, gamma, delta] {
            // Each key is known for its own part of the log, also to whoever checks it alone.
            let signatures = try await node.facts("verify", "--self")["signatures"]
            #expect(signatures?["verified"]?.integer == 3)
            #expect(try await node.stop() == .exited(0))
        }
    }

    /// A stop between the commit and the change of files is mended by whoever opens the node next, and one before the
    /// commit leaves the old key.
    @Test func aRotationThatWasStoppedIsBroughtToItsEndOrNeverWas() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let file = node.directory + "/data/signing.key"
        try await node.put("# Before\n")
        let old = TestFile.bytes(file)
        let before = try await node.facts("key", "fingerprint")["public_key"]?.string

        // Before the commit: the next key is there, and the database never heard of it.
        #expect(link(file, file + ".next") == 0)
        #expect(try await node.facts("key", "fingerprint")["public_key"]?.string == before)
        try await node.put("# Between\n")
        #expect(!TestFile.exists(file + ".next"))

        let rotated = try await node.facts("keygen", "--force")["public_key"]?.string
        #expect(rotated != before && !TestFile.exists(file + ".next"))
        // After the commit: the files are as they were before the last step.
        #expect(rename(file, file + ".next") == 0)
        TestFile.write(old, to: file)
        #expect(chmod(file, 0o600) == 0)
        #expect(try await node.facts("key", "fingerprint")["public_key"]?.string == rotated)
        try await node.put("# After\n")
        #expect(!TestFile.exists(file + ".next"))
        #expect(try await node.facts("key", "fingerprint")["public_key"]?.string == rotated)
        // The only copy of the new key is never removed because it could not be read.
        #expect(rename(file, file + ".next") == 0 && chmod(file + ".next", 0o644) == 0)
        TestFile.write(old, to: file)
        #expect(chmod(file, 0o600) == 0)
        #expect(try await node.run("key", "fingerprint").status != 0)
        await #expect(throws: (any Error).self) { try await node.put("# Not written\n") }
        #expect(TestFile.exists(file + ".next"))
        #expect(chmod(file + ".next", 0o600) == 0)
        #expect(try await node.facts("key", "fingerprint")["public_key"]?.string == rotated)
        // What the old key signed is still known to be ours.
        #expect(try await node.run("check").status == 0)
        let verified = try await node.facts("events")["events"]?.array?.compactMap { $0["verified"]?.string }
        #expect(verified?.count == 3)
    }

    @Test func thereIsNothingToChooseWhereNothingIsFrozen() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let key = try await node.facts("key", "fingerprint")["public_key"]?.string ?? ""
        let result = try await node.run("trust-key", "01KNJX4991ASW6NNKS9BQHNCGB", key, "--json")
        #expect(result.status == 1)
        #expect(try result.json.at("error", "code")?.string == "unknown_origin")
        #expect(try await node.status()["frozen_origins"]?.array?.isEmpty == true)
    }
}
