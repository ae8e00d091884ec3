import FederationCore
import FederationTestKit
import Testing

/// Who wrote an event, as nodes that check signatures see it.
@Suite(.serialized) struct SignatureTests {
    /// What `events` says of how each event is proved, by id.
    private func proofs(_ node: TestNode) async throws -> [String: String] {
        let events = try await node.facts("events", "--limit", "1000")["events"]?.array ?? []
        return Dictionary(
            events.map { ($0["id"]?.string ?? "", $0["verified"]?.string ?? "") }, uniquingKeysWith: { first, _ in first })
    }

    private func refusals(_ node: TestNode) async throws -> [String: String] {
        let entries = try await node.facts("quarantine", "list")["entries"]?.array ?? []
        return Dictionary(
            entries.map { ($0["event_id"]?.string ?? "", $0["code"]?.string ?? "") }, uniquingKeysWith: { first, _ in first })
    }

    private func rewrite(_ old: String, _ new: String, of node: TestNode) {
        TestFile.write(TestFile.text(node.configPath).replacing(old, with: new), to: node.configPath)
    }

    @Test func aRingThatEnforcesProvesEveryEvent() async throws {
        let ring = try await Ring("alpha", "beta", "gamma")
        for node in ring.nodes { node.set("verify", "enforce") }
        try await ring.start()
        for node in ring.nodes { for number in 1...3 { try await node.put("# Note \(number) of \(node.name)\n\nText.\n") } }
        try await ring.agreement(events: 9, records: 9)
        for node in ring.nodes {
            try await eventually("each of the nine is proved on \(node.name)") {
                let signatures = try await node.status()["signatures"]
                let isDone = signatures?["proved"]?.integer == 9 && signatures?["reviewing"]?.bool == false
                return isDone.orNil
            }
            // By its own signature, or by the checkpoint of an origin that had written nothing for a while.
            #expect(Set(try await proofs(node).values).isSubset(of: ["pinned_key", "chain"]))
            let peers = try await node.facts("peers")["peers"]?.array ?? []
            for peer in peers {
                #expect(peer.at("key", "pin")?.string == "first_contact")
                let own = try await ring[peer["name"]?.string ?? ""].facts("key", "fingerprint")
                #expect(peer.at("key", "fingerprint")?.string == own["fingerprint"]?.string)
            }
            #expect(try await node.run("status", "--check").status == 0)
        }
        try await ring.stop()
    }

    /// What a relay brings is proved by a key that the relay brought, until its origin is met.
    @Test func aProvisionalKeyIsReplacedAtFirstContact() async throws {
        let scratch = ScratchDirectory()
        var nodes: [TestNode] = []
        for name in ["alpha", "beta", "gamma"] {
            let node = try await TestNode(name, in: scratch)
            node.set("verify", "enforce")
            nodes.append(node)
        }
        let (alpha, beta, gamma) = (nodes[0], nodes[1], nodes[2])
        beta.setPeer("alpha", alpha.endpoint)
        gamma.setPeer("beta", beta.endpoint)
        for number in 1...5 { try await alpha.put("# Note \(number)\n\nText.\n") }
        for node in nodes { try await node.start() }
        try await eventually("five events on gamma") { (try await proofs(gamma).count == 5).orNil }
        #expect(Set(try await proofs(gamma).values) == ["provisional_key"])
        #expect(try await gamma.status().at("signatures", "provisional_key")?.integer == 5)
        #expect(try await gamma.run("events").out.contains("[key not met]"))

        gamma.setPeers([("beta", ["endpoint: \(beta.endpoint)"]), ("alpha", ["endpoint: \(alpha.endpoint)"])])
        try await eventually("gamma has met alpha and looked again; log:\n\(gamma.log)") {
            (Set(try await proofs(gamma).values) == ["pinned_key"]).orNil
        }
        for node in nodes { #expect(try await node.stop() == .exited(0)) }
    }

    /// A Noema peer gives forged events beside honest ones.
    @Test func eachForgeryIsRefusedWithItsReasonAndChangesNothingElse() async throws {
        let noema = try NoemaNode(.go, id: "01KNJX4991ASW6NNKS9BQHNCGB", signingSeed: 1)
        let honest = try noema.change { node, now in
            let trace = try node.create(.init("Honest", body: "As it was written."), now: now)
            return (trace: trace, event: try node.update(trace, body: "As it was mended.", now: now))
        }
        let other = try NoemaNode(.go, id: "01KNJX4991ASW6NNKS9BQHNCGB", signingSeed: 2)
        let resigned = try other.change { node, now in
            // The same node's randomness: in one millisecond with the honest one it would have its id.
            _ = try node.create(.init("Swapped", body: "By another key."), now: now.advanced(by: .milliseconds(2)))
            return node.events[0]
        }
        var stripped = honest.event
        (stripped.signature, stripped.publicKey) = ("", "")
        var forged = honest.event
        forged.data = Array(String(decoding: forged.data, as: UTF8.self).replacing("Honest", with: "Forged").utf8)
        var borrowed = honest.event
        borrowed.signature = resigned.signature
        var relabelled = honest.event
        relabelled.action = "archive"
        let forgeries = [(stripped, "unsigned"), (forged, "bad_signature"), (borrowed, "bad_signature"), (relabelled, "bad_signature")]
        var expected = [resigned.id: "swapped_key"]
        noema.change { node, _ in
            node.plant(resigned)
            for (index, (event, code)) in forgeries.enumerated() {
                var event = event
                // Ids of their own, a little later: what is there already would hide them.
                event.id = String(event.id.dropLast(2)) + "Z\(index)"
                expected[event.id] = code
                node.plant(event)
            }
        }

        let alpha = try await TestNode("alpha", in: ScratchDirectory())
        alpha.set("verify", "enforce")
        alpha.setPeer("noema", noema.endpoint)
        try await alpha.start()
        let found = try await eventually("each forgery is refused; log:\n\(alpha.log)") {
            let refusals = try await refusals(alpha)
            return refusals.count == expected.count ? refusals : nil
        }
        #expect(found == expected)
        #expect(Set(try await proofs(alpha).keys) == Set(noema.events.map(\.id)).subtracting(expected.keys))
        #expect(try await alpha.facts("show", honest.trace)["body"]?.string == "As it was mended.")
        #expect(try await alpha.facts("show", honest.trace)["lifecycle"]?.string == "active")
        #expect(try await alpha.facts("records", "--all")["records"]?.array?.count == 1)
        let peer = try #require(try await alpha.peerStatus("noema"))
        #expect(peer.at("last_error", "reason")?.string == "signature")
        #expect(peer["consecutive_failures"]?.integer == 0, "the events behind go on")
        #expect(try await alpha.run("status", "--check").status == 6)

        // The node asks for less while it runs: they are taken in, marked and counted.
        rewrite("verify: enforce", "verify: warn", of: alpha)
        let counts = try await eventually("taken in under warn; log:\n\(alpha.log)") {
            let signatures = try await alpha.status()["signatures"]
            return signatures?["invalid"]?.integer == 4 ? signatures : nil
        }
        #expect(counts["unsigned"]?.integer == 1 && counts["verify"]?.string == "warn")
        #expect(try await alpha.status()["warnings"]?.array?.contains { $0["code"]?.string == "signature_invalid" } == true)
        #expect(try await alpha.run("events").out.contains("[invalid signature]"))
        // And for more again: what is here is held, and counts for nothing.
        rewrite("verify: warn", "verify: enforce", of: alpha)
        try await eventually("held under enforce; log:\n\(alpha.log)") {
            (try await alpha.status()["held"]?.integer == 5).orNil
        }
        #expect(try await alpha.facts("show", honest.trace)["lifecycle"]?.string == "active")
        #expect(try await alpha.stop() == .exited(0))
    }

    /// Go signs `data` with escapes that a relay of the Rust line takes away, and a Go relay escapes what Rust signs.
    @Test(arguments: NoemaRules.allCases)
    func whatOneLineSignsIsProvedAlsoAsTheOtherRelaysIt(signer rules: NoemaRules) async throws {
        let other: NoemaRules = rules == .go ? .rust : .go
        let signer = try NoemaNode(rules, id: "01KNJX4991ASW6NNKS9BQHNCGB", signingSeed: 3)
        let relay = try NoemaNode(other, id: "01KNJX4991ASW6NNKS9BQHNCGC", peers: ["signer"], signingSeed: 4)
        try signer.change { node, now in
            _ = try node.create(.init("a < b & c > d", body: "Line\u{2028}<one> & \"two\"\n", tags: ["<&>"]), now: now)
        }
        #expect(await relay.poll("signer", at: signer.endpoint) == .done)
        #expect(relay.events.count == 1)

        let alpha = try await TestNode("alpha", in: ScratchDirectory())
        alpha.set("verify", "enforce")
        alpha.setPeer("relay", relay.endpoint)
        try await alpha.start()
        try await eventually("proved as relayed; log:\n\(alpha.log)") {
            (try await proofs(alpha).values.sorted() == ["provisional_key"]).orNil
        }
        alpha.setPeers([("relay", ["endpoint: \(relay.endpoint)"]), ("signer", ["endpoint: \(signer.endpoint)"])])
        try await eventually("proved by the key that its origin shows; log:\n\(alpha.log)") {
            (try await proofs(alpha).values.sorted() == ["pinned_key"]).orNil
        }
        #expect(try await refusals(alpha).isEmpty)
        #expect(try await alpha.run("status", "--check").status == 0)
        #expect(try await alpha.stop() == .exited(0))
    }

    /// A Noema peer that makes itself a new key is refused until a person says that it is the same one.
    @Test func anotherKeyIsRefusedUntilAPersonForgetsTheOld() async throws {
        let noema = try NoemaNode(.rust, id: "01KNJX4991ASW6NNKS9BQHNCGB", signingSeed: 5)
        func create(_ title: String) throws {
            try noema.change { node, now in _ = try node.create(.init(title, body: title), now: now) }
        }
        try create("Before")
        let alpha = try await TestNode("alpha", in: ScratchDirectory())
        alpha.set("verify", "enforce")
        alpha.setPeer("noema", noema.endpoint)
        try await alpha.start()
        try await eventually("the first is proved") { (try await proofs(alpha).values.sorted() == ["pinned_key"]).orNil }
        let cursor = try await alpha.peerStatus("noema")?["last_event"]?.string

        noema.rotateKey(to: 6)
        try create("After")
        try await eventually("refused for its key; log:\n\(alpha.log)") {
            let peer = try await alpha.peerStatus("noema")
            return (peer?.at("last_error", "reason")?.string == "identity_mismatch").orNil
        }
        #expect(try await alpha.peerStatus("noema")?["last_event"]?.string == cursor)
        #expect(try await alpha.events().count == 1)

        let reset = try await alpha.run("reset-peer", "noema", "--key-rotated", "--yes")
        #expect(reset.out.contains("signing-key pin cleared"))
        #expect(try await alpha.run("sync").status == 0)
        // What the old key proved stays proved, the cursor stayed, and the new key counts from here on.
        #expect(try await proofs(alpha).values.sorted() == ["pinned_key", "pinned_key"])
        #expect(try await refusals(alpha).isEmpty)
        #expect(try await alpha.stop() == .exited(0))
    }

    @Test func aKeyThatTheConfigurationNamesIsInsistedOn() async throws {
        let scratch = ScratchDirectory()
        let alpha = try await TestNode("alpha", in: scratch)
        let beta = try await TestNode("beta", in: scratch)
        let key = try #require(try await beta.facts("key", "fingerprint")["public_key"]?.string)
        let wrong = try #require(try await alpha.facts("key", "fingerprint")["public_key"]?.string)
        try await beta.put("# Of beta\n\nText.\n")
        try await beta.start()
        alpha.setPeer("beta", beta.endpoint, "pubkey: \(wrong)")
        try await alpha.start()
        try await eventually("another key than the one named; log:\n\(alpha.log)") {
            let peer = try await alpha.peerStatus("beta")
            return (peer?.at("last_error", "reason")?.string == "identity_mismatch").orNil
        }
        #expect(try await alpha.events().isEmpty)
        #expect(try await alpha.run("sync").status == 5)
        // Mended while the node runs.
        alpha.setPeer("beta", beta.endpoint, "pubkey: \(key)")
        try await eventually("the event is proved by the key named; log:\n\(alpha.log)") {
            (try await proofs(alpha).values.sorted() == ["hard_pin"]).orNil
        }
        #expect(try await alpha.peerStatus("beta")?.at("key", "pin")?.string == "hard")
        #expect(try await alpha.run("peers").out.contains("(named in the configuration)"))
        #expect(try await alpha.stop() == .exited(0))
        #expect(try await beta.stop() == .exited(0))
    }

    /// A node that does not sign, in a ring that enforces.
    @Test func aPeersOwnVerifyLetsInWhatItWroteAlone() async throws {
        let unsigned = try NoemaNode(.go, id: "01KNJX4991ASW6NNKS9BQHNCGB", peers: ["stranger"])
        let stranger = try NoemaNode(.go, id: "01KNJX4991ASW6NNKS9BQHNCGC")
        try stranger.change { node, now in _ = try node.create(.init("Strange", body: "Relayed."), now: now) }
        #expect(await unsigned.poll("stranger", at: stranger.endpoint) == .done)
        try unsigned.change { node, now in _ = try node.create(.init("Own", body: "Unsigned."), now: now) }

        let alpha = try await TestNode("alpha", in: ScratchDirectory())
        alpha.set("verify", "enforce")
        alpha.setPeer("noema", unsigned.endpoint, "verify: warn")
        try await alpha.start()
        try await eventually("one is taken in, one refused; log:\n\(alpha.log)") {
            let counts = (try await proofs(alpha).count, try await refusals(alpha).count)
            return (counts == (1, 1)).orNil
        }
        #expect(try await proofs(alpha).values.sorted() == ["unsigned"])
        #expect(try await refusals(alpha) == [stranger.events[0].id: "unsigned"])
        #expect(try await alpha.stop() == .exited(0))
    }
}
