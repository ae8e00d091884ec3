import FederationCore
import Testing

/// The cases of `reset-peer` (Noema section 6), on a node that has met three peers.
@Suite(.serialized) struct ResetPeerTests {
    private struct Met {
        let node: TestNode
        let peers: [FakeNoema]
        static let ids = ["01KNJX4991ASW6NNKS9BQHNCG1", "01KNJX4991ASW6NNKS9BQHNCG2", "01KNJX4991ASW6NNKS9BQHNCG3"]
        static let names = ["one", "two", "three"]
        static let key = "ed25519:CL1bqmzrC/Jo404NOwylmpEhfHutd0CsI4sn1xa5JGI="

        init() async throws {
            node = try await TestNode("alpha", in: ScratchDirectory())
            var peers: [FakeNoema] = []
            for (index, id) in Met.ids.enumerated() {
                let event = FakeEvent.create(index + 1, clock: #"{"\#(id)":5}"#, origin: id)
                peers.append(try FakeNoema(identity: FakeNoema.identity(id: id, key: Met.key), events: [event]))
            }
            self.peers = peers
            let met = zip(Met.names, peers).map { ($0, ["endpoint: \($1.endpoint)"]) }
            node.setPeers(met + [("stranger", ["endpoint: http://127.0.0.1:1", "mode: paused"])])
            let sync = try await node.run("sync")
            guard sync.status == 0 else { throw Unfulfilled("sync: \(sync.err)") }
        }

        func clock() async throws -> [String] { try await node.status()["vclock"]?.members?.map(\.key) ?? [] }
    }

    @Test func aPeersWholeStateIsForgottenAndNothingElse() async throws {
        let met = try await Met()
        let events = try await met.node.events()
        #expect(try await met.clock().filter { Met.ids.contains($0) } == Met.ids)
        let plan = try await met.node.facts("reset-peer", "one", "--dry-run")
        #expect(plan.at("peers", "0", "cortex_id")?.string == Met.ids[0])
        #expect(plan.at("peers", "0", "last_event")?.string == FakeEvent.id(1))
        #expect(try await met.node.peerStatus("one")?["id"]?.string == Met.ids[0])

        let result = try await met.node.run("reset-peer", "one", "--yes")
        #expect(result.status == 0)
        #expect(result.out.contains(Met.ids[0]) && result.out.contains("one: state cleared"))
        #expect(result.out.contains("vector-clock buckets dropped: 1"))
        let peer = try await met.node.peerStatus("one")
        #expect(peer?["id"] == nil && peer?["last_event"] == nil && peer?["last_seen"] == nil)
        #expect(peer?["last_success"]?.string?.isEmpty == false, "its health stays")
        #expect(try await met.clock().filter { Met.ids.contains($0) } == Array(Met.ids[1...]))
        #expect(try await met.node.events() == events)
        #expect(try await met.node.peerStatus("two")?["id"]?.string == Met.ids[1])
        #expect(try await met.node.run("sync").status == 0)
        #expect(try await met.node.events() == events)
        #expect(try await met.node.peerStatus("one")?["id"]?.string == Met.ids[0])
    }

    /// What `check` says of a peer's mode is of the one that is known, not of one that was.
    @Test func whatThePeerSaidOfItsModeIsForgotten() async throws {
        let scratch = ScratchDirectory()
        let (alpha, beta) = (try await TestNode("alpha", in: scratch), try await TestNode("beta", in: scratch))
        alpha.setPeer("beta", beta.endpoint)
        beta.set("mode", "subscribe")
        try await beta.start()
        _ = try await alpha.run("sync")
        #expect(try await beta.stop() == .exited(0))
        func warned() async throws -> Bool {
            try await alpha.facts("check")["findings"]?.array?.contains { $0["code"]?.string == "peer_serves_nothing" } ?? false
        }
        #expect(try await warned())
        let version = try await alpha.peerStatus("beta")?["version"]?.string
        #expect(try await alpha.run("reset-peer", "beta", "--yes").status == 0)
        #expect(try await !warned())
        #expect(try await alpha.peerStatus("beta")?["version"]?.string == version)
        #expect(try await alpha.facts("reset-peer", "beta", "--dry-run")["nothing"]?.bool == true)
    }

    @Test func aRotatedKeyAloneIsForgotten() async throws {
        let met = try await Met()
        let before = try await met.node.peerStatus("two")
        let plan = try await met.node.facts("reset-peer", "two", "--key-rotated", "--dry-run")
        #expect(plan.at("peers", "0", "key")?.string == "pinned")
        let result = try await met.node.run("reset-peer", "two", "--key-rotated", "--yes")
        #expect(result.status == 0 && result.out.contains("two: signing-key pin cleared"), "\(result.out)")
        let after = try await met.node.peerStatus("two")
        #expect(after?["id"]?.string == before?["id"]?.string)
        #expect(after?["last_event"]?.string == before?["last_event"]?.string)
        #expect(try await met.clock().contains(Met.ids[1]))
        #expect(try await met.node.facts("reset-peer", "two", "--dry-run").at("peers", "0", "key")?.string == "")
    }

    @Test func anUnknownNameTouchesNothingAtAll() async throws {
        let met = try await Met()
        let result = try await met.node.run("reset-peer", "one", "nobody", "--yes")
        #expect(result.status == 1)
        #expect(result.err.contains("no peer 'nobody'"))
        #expect(result.err.contains("known peers: one, two, three, stranger"))
        #expect(try await met.node.peerStatus("one")?["id"]?.string == Met.ids[0])
    }

    @Test func aPeerWithoutStateHasNothingToClear() async throws {
        let met = try await Met()
        let result = try await met.node.run("reset-peer", "stranger", "--yes")
        #expect(result.status == 0)
        #expect(result.out.contains("stranger: nothing to clear"))
        #expect(!result.out.contains("buckets dropped"))
    }

    @Test func withoutAYesNothingIsTouched() async throws {
        let met = try await Met()
        let result = try await met.node.run("reset-peer", "one", input: "y\n")
        #expect(result.status == 1)
        #expect(result.out.contains("one will lose:") && result.err.contains("--yes"))
        #expect(try await met.node.peerStatus("one")?["id"]?.string == Met.ids[0])
    }

    @Test(arguments: [false, true])
    func severalPeersGoAtOnce(withDaemon: Bool) async throws {
        let met = try await Met()
        if withDaemon {
            // The peers are away, or the daemon would meet them again at once.
            met.node.setPeers(Met.names.map { ($0, ["endpoint: http://127.0.0.1:\(TestPort.free())"]) })
            try await met.node.start()
        }
        let result = try await met.node.run("reset-peer", "one", "three", "--yes", "--json")
        #expect(result.status == 0, "\(result.err)")
        #expect(try result.json["buckets_dropped"]?.integer == 2)
        #expect(try await met.clock().filter { Met.ids.contains($0) } == [Met.ids[1]])
        #expect(try await met.node.peerStatus("one")?["id"] == nil)
        #expect(try await met.node.peerStatus("two")?["id"]?.string == Met.ids[1])
        #expect(try await met.node.peerStatus("three")?["id"] == nil)
        if withDaemon { #expect(try await met.node.stop() == .exited(0)) }
    }
}
