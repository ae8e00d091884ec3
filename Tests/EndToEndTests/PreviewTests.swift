import FederationCore
import FederationTestKit
import Glibc
import Testing

@Suite(.serialized) struct PreviewTests {
    private func counts(_ facts: JSON) -> [Int64?] {
        ["read", "applied", "duplicates", "held", "refused", "deferred"].map { facts.at("sample", $0)?.integer }
    }

    private func named(_ facts: JSON, _ part: String) -> [String] {
        (facts.at("sample", part)?.array ?? []).map { "\($0["name"]?.string ?? "") \($0["count"]?.integer ?? 0)" }
    }

    /// A native peer, seen by a node that has some of its events, beside its daemon or not, and by nobody in particular.
    @Test(arguments: [true, false])
    func aNativePeerIsShownAndNothingIsWritten(isRunning: Bool) async throws {
        let scratch = ScratchDirectory()
        let beta = try await TestNode("beta", in: scratch)
        try await beta.put("# One\n")
        try await beta.put("# Two\n", "--type", "fact")
        try await beta.start()
        let alpha = try await TestNode("alpha", in: scratch)
        alpha.setPeer("friend", beta.endpoint)
        #expect(try await alpha.run("sync").status == 0)
        alpha.setPeers([])
        try await beta.put("# Three\n")
        if isRunning { try await alpha.start() }
        let database = alpha.directory + "/data/federation.db"
        let before = (TestFile.bytes(database), TestFile.bytes(alpha.configPath))

        let facts = try await alpha.facts("preview", beta.endpoint)
        #expect(facts["ok"]?.bool == true)
        #expect(facts["wire"]?.string == "native")
        let id = try await beta.facts("identity", "show")
        #expect(facts.at("peer", "id")?.string == id["id"]?.string)
        #expect(facts.at("peer", "public_key")?.string == id["public_key"]?.string)
        #expect(facts.at("peer", "name")?.string == "beta")
        #expect(facts.at("peer", "mode")?.string == "sync")
        #expect(facts["ourselves"]?.bool == false)
        #expect(facts["pinned_as"]?.array?.compactMap(\.string) == ["friend"])
        #expect(facts["key"]?.string == "pinned")
        #expect(facts["events"]?.integer == 3)
        #expect(facts.at("sample", "complete")?.bool == true)
        #expect(counts(facts) == [3, 1, 2, 0, 0, 0])
        #expect(named(facts, "actions") == ["create 3"])
        #expect(named(facts, "types") == ["note 2", "fact 1"])
        #expect(named(facts, "origins") == ["\(id["id"]?.string ?? "") 3"])
        #expect(try await alpha.facts("events")["events"]?.array?.count == 2)
        if !isRunning {
            #expect(TestFile.bytes(database) == before.0)
            #expect(TestFile.bytes(alpha.configPath) == before.1)
            #expect(TestFile.bytes(database + "-wal").isEmpty)
        }
        let text = try await alpha.run("preview", beta.endpoint)
        #expect(text.status == 0)
        #expect(text.out.contains("\(beta.endpoint) is beta "))
        #expect(text.out.contains("3 events in 1 page: 1 new, 2 known"))
        #expect(text.err.contains("nothing was written"))

        // Where there is no node yet.
        let stranger = try await Program.run(
            ["preview", beta.endpoint, "--json", "--config", scratch.file("nowhere.yaml")], in: scratch)
        let seen = try stranger.json
        #expect(seen["has_node"]?.bool == false)
        #expect(counts(seen) == [3, 3, 0, 0, 0, 0])
        #expect(seen["key"]?.string == "new")
        #expect(!TestFile.exists(scratch.file("nowhere.yaml")))

        // The node itself is known when it is met.
        if isRunning {
            let own = try await alpha.run("preview", alpha.endpoint, "--json")
            #expect(own.status == 5)
            #expect(try own.json["ourselves"]?.bool == true)
            #expect(try own.json["reason"]?.string == "identity_mismatch")
            #expect(try own.json["sample"] == nil)
            #expect(try await alpha.stop() == .exited(0))
        }
        #expect(try await beta.stop() == .exited(0))
    }

    /// A Noema peer with a little of everything: each event is judged, and why is said.
    @Test func whatWouldBecomeOfEachEventIsCounted() async throws {
        let events = [
            FakeEvent.create(1), FakeEvent.create(2, type: "sonnet"),
            FakeEvent.event(
                3, action: "create", data: #"{"title":"t","type":"note","body":"b","content_hash":"sha256:00"}"#),
            FakeEvent.event(4, trace: "20260406-hello-1", action: "sing", data: "{}"), FakeEvent.create(5, clock: "7"),
            FakeEvent.create(9, id: "7ZZZZZZZZZZZZZZZZZZZZZZZZ9"),
        ]
        let peer = try FakeNoema(events: events)
        let node = try await TestNode("ours", in: ScratchDirectory())
        for wire in ["auto", "noema"] {
            let facts = try await node.facts("preview", peer.endpoint, "--wire", wire)
            #expect(facts["wire"]?.string == "noema")
            #expect(facts.at("peer", "id")?.string == FakeNoema.id)
            #expect(facts.at("peer", "version")?.string == "v0.18.0")
            #expect(counts(facts) == [6, 1, 0, 2, 2, 1])
            #expect(
                Set(named(facts, "problems")) == [
                    "unknown_type 1", "content_hash_mismatch 1", "unknown_action 1", "wrong_type_vclock 1", "deferred 1",
                ])
        }
        #expect(try await node.facts("quarantine", "list")["entries"]?.array?.isEmpty == true)
        #expect(try await node.facts("events")["events"]?.array?.isEmpty == true)
        let native = try await node.run("preview", peer.endpoint, "--wire", "native", "--json")
        #expect(native.status == 1)
        #expect(try native.json["ok"]?.bool == false)
    }

    /// It reads no more than it is told to, and takes its leave.
    @Test(arguments: NoemaRules.allCases)
    func aLongLogIsSampled(rules: NoemaRules) async throws {
        let noema = try NoemaNode(rules, id: FakeNoema.id)
        try noema.change { node, now in
            for number in 0..<250 { _ = try node.create(.init("Trace \(number)", body: "\(number)"), now: now) }
        }
        let node = try await TestNode("ours", in: ScratchDirectory())
        let sampled = try await node.facts("preview", noema.endpoint, "--pages", "2")
        #expect(counts(sampled) == [200, 200, 0, 0, 0, 0])
        #expect(sampled.at("sample", "pages")?.integer == 2)
        #expect(sampled.at("sample", "complete")?.bool == false)
        #expect(sampled["events"] == nil)
        let whole = try await node.facts("preview", noema.endpoint, "--pages", "4")
        #expect(counts(whole) == [250, 250, 0, 0, 0, 0])
        #expect(whole.at("sample", "complete")?.bool == true)
        #expect(whole["events"]?.integer == 250)
    }

    @Test func failuresEndAsThoseOfSync() async throws {
        let node = try await TestNode("ours", in: ScratchDirectory())
        let gone = try await node.run("preview", "http://127.0.0.1:\(TestPort.free())", "--json")
        #expect(gone.status == 4)
        #expect(try gone.json["reason"]?.string == "network_refused")
        let closed = try FakePeer.answering(status: 401)
        let refused = try await node.run("preview", closed.endpoint)
        #expect(refused.status == 5)
        #expect(refused.err.contains("federation: error: \(closed.endpoint): auth: "))
        let silent = try await TestNode("silent", in: node.scratch)
        silent.set("mode", "subscribe")
        try await silent.start()
        let quiet = try await node.facts("preview", silent.endpoint)
        #expect(quiet.at("peer", "mode")?.string == "subscribe")
        #expect(quiet.at("sample", "read")?.integer == 0)
        #expect(try await silent.stop() == .exited(0))
        for arguments in [["ftp://x"], ["http://127.0.0.1:1", "--pages", "21"], ["http://127.0.0.1:1", "--wire", "smoke"]] {
            let result = try await Program.run(["preview"] + arguments + ["--config", node.configPath], in: node.scratch)
            #expect([2, 3].contains(result.status), "\(arguments)")
        }
    }
}
